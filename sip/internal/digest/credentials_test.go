package digest

import (
	"fmt"
	"strings"
	"testing"

	phone "github.com/icholy/digest"
)

// TestRFCVectors: the examples of the RFCs. Their nonces are not ours, so a right response shows as Stale and one with
// its digits moved as Wrong.
func TestRFCVectors(t *testing.T) {
	for _, v := range []struct {
		section, realm, password, header, response string
	}{
		{"RFC 2617 3.5", "testrealm@host.com", "Circle Of Life",
			`Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
			uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", response="%s",
			opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "6629fae49393a05397450978507c4ef1"},
		{"RFC 2069 2.4, erratum 749", "testrealm@host.com", "CircleOfLife",
			`Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
			uri="/dir/index.html", response="%s", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
			"1949323746fe6a43ef61f9606e7febea"},
		{"RFC 7616 3.9.1 MD5", "http-auth@example.org", "Circle of Life",
			`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5,
			nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
			cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="%s",
			opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`, "8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616 3.9.1 SHA-256", "http-auth@example.org", "Circle of Life",
			`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256,
			nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001,
			cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="%s",
			opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		t.Run(v.section, func(t *testing.T) {
			a := newAuthenticator(t, Config{Realm: v.realm})
			secret := NewSecret("Mufasa", v.realm, v.password)
			verify := func(response string) Status {
				return a.Verify([]string{fmt.Sprintf(v.header, response)}, "GET", "/dir/index.html",
					func(user string) (Secret, bool) { return secret, user == "Mufasa" }).Status
			}
			if got := verify(v.response); got != Stale {
				t.Errorf("expected stale (a right response), got %v", got)
			}
			if got := verify(strings.ToUpper(v.response)); got != Stale {
				t.Errorf("expected stale for upper case, got %v", got)
			}
			if got := verify(v.response[1:] + v.response[:1]); got != Wrong {
				t.Errorf("expected wrong for other digits, got %v", got)
			}
		})
	}
}

// TestHeadersX7 changes one thing at a time in good credentials, of the form
// `Digest username="alice", realm="example.com", nonce="...", uri="sip:example.com", algorithm=MD5, cnonce="...",
// qop=auth, nc=00000001, response="..."`.
func TestHeadersX7(t *testing.T) {
	a := newAuthenticator(t, Config{})
	foreign := newAuthenticator(t, Config{Realm: "example.org"})
	change := func(old, new string) func(string) []string {
		return func(h string) []string {
			if !strings.Contains(h, old) {
				t.Fatalf("no %q in %q", old, h)
			}
			return []string{strings.Replace(h, old, new, 1)}
		}
	}
	for name, c := range map[string]struct {
		edit func(string) []string
		want Status
	}{
		"as it is":                  {change("", ""), OK},
		"none":                      {func(string) []string { return nil }, Missing},
		"empty":                     {func(string) []string { return []string{""} }, Missing},
		"another scheme":            {change("Digest", "Basic"), Missing},
		"scheme alone":              {func(string) []string { return []string{"Digest"} }, Malformed},
		"scheme in lower case":      {change("Digest", "digest"), OK},
		"algorithm in lower case":   {change("algorithm=MD5", "algorithm=md5"), OK},
		"algorithm quoted":          {change("algorithm=MD5", `algorithm="MD5"`), OK},
		"algorithm absent":          {change("algorithm=MD5, ", ""), OK},
		"algorithm unknown":         {change("algorithm=MD5", "algorithm=SHA-512-256"), Missing},
		"algorithm with session":    {change("algorithm=MD5", "algorithm=MD5-sess"), Missing},
		"algorithm crossed":         {change("algorithm=MD5", "algorithm=SHA-256"), Malformed},
		"names in capitals":         {change("realm", "Realm"), OK},
		"qop quoted":                {change("qop=auth", `qop="auth"`), OK},
		"qop auth-int":              {change("qop=auth", "qop=auth-int"), Malformed},
		"qop unknown":               {change("qop=auth", "qop=x"), Malformed},
		"nc absent":                 {change("nc=00000001, ", ""), Malformed},
		"nc zero":                   {change("nc=00000001", "nc=00000000"), Malformed},
		"nc short":                  {change("nc=00000001", "nc=1"), Malformed},
		"nc long":                   {change("nc=00000001", "nc=000000001"), Malformed},
		"nc not hex":                {change("nc=00000001", "nc=0000000g"), Malformed},
		"nc signed":                 {change("nc=00000001", "nc=-0000001"), Malformed},
		"nc changed":                {change("nc=00000001", "nc=00000002"), Wrong},
		"cnonce empty":              {change(`cnonce="`, `cnonce="",x="`), Malformed},
		"nonce empty":               {change(`nonce="`, `nonce="",x="`), Malformed},
		"nonce absent":              {change(`nonce=`, `x=`), Malformed},
		"username absent":           {change(`username=`, `x=`), Malformed},
		"uri absent":                {change(`uri=`, `x=`), Malformed},
		"uri of another":            {change(`uri="sip:example.com"`, `uri="sip:example.org"`), Malformed},
		"response absent":           {change(`response=`, `x=`), Malformed},
		"response short":            {change(`response="`, `response="00", x="`), Malformed},
		"realm absent":              {change(`realm=`, `x=`), Malformed},
		"realm of another":          {change("example.com", "example.org"), Missing},
		"realm case matters":        {change("example.com", "Example.com"), Missing},
		"parameter twice":           {change("qop=auth", "qop=auth, qop=auth"), Malformed},
		"unknown parameter twice":   {change("qop=auth", "qop=auth, x=1, x=2"), OK},
		"empty elements":            {change(", ", ",, ,"), OK},
		"comma at the end":          {func(h string) []string { return []string{h + ","} }, OK},
		"folded line":               {change(", ", ",\r\n\t"), OK},
		"spaces at the equals sign": {change("qop=auth", "qop = auth"), OK},
		"quote never closed":        {func(h string) []string { return []string{strings.TrimSuffix(h, `"`)} }, Malformed},
		"escape at the end":         {func(h string) []string { return []string{strings.TrimSuffix(h, `"`) + `\`} }, Malformed},
		"escaped letter":            {change(`"alice"`, `"\alice"`), OK},
		"no comma":                  {change(", ", " "), Malformed},
		"text after a string":       {change(`"alice"`, `"alice"x`), Malformed},
		"no equals sign":            {change("qop=auth", "qop"), Malformed},
		"4 kB pass":                 {func(h string) []string { return []string{h + strings.Repeat(" ", maxHeader-len(h))} }, OK},
		"more do not":               {func(h string) []string { return []string{h + strings.Repeat(" ", maxHeader+1-len(h))} }, Malformed},
		"several realms": {func(h string) []string {
			return []string{"Basic eA==", answer(t, foreign.Challenges(false)[0]), h}
		}, OK},
		"broken one, good one": {func(h string) []string { return []string{"Digest x", h} }, OK},
		"unusable algorithm first": {func(h string) []string {
			return []string{strings.Replace(h, "algorithm=MD5", "algorithm=SHA-512", 1), h}
		}, OK},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.Verify(c.edit(answer(t, a.Challenges(false)[0])), "REGISTER", uri, lookup)
			if got.Status != c.want {
				t.Errorf("expected %v, got %v", c.want, got.Status)
			}
			if (got.Status == Malformed) != (got.Fault != "") {
				t.Errorf("%v with fault %q", got.Status, got.Fault)
			}
			if claims := got.Status == OK || got.Status == Wrong; claims != (got.User == "alice") {
				t.Errorf("%v with user %q", got.Status, got.User)
			}
		})
	}
}

// TestAlgorithmNoLongerOffered: credentials that a phone kept from before a change of the configuration.
func TestAlgorithmNoLongerOffered(t *testing.T) {
	a := newAuthenticator(t, Config{Algorithms: []Algorithm{SHA256}})
	challenge := strings.Replace(a.Challenges(false)[0], "SHA-256", "MD5", 1)
	expect(t, a, Missing, answer(t, challenge))
}

func FuzzVerify(f *testing.F) {
	a := newAuthenticator(f, Config{MaxNonces: 16})
	good := answer(f, a.Challenges(false)[0])
	f.Add(good, "REGISTER", uri)
	f.Add(answer(f, a.Challenges(false)[1]), "INVITE", "sip:bob@[2001:db8::1]:5060;lr")
	f.Add(`Digest username="a\"b", realm="example.com",nonce=,nc=FFFFFFFF,,qop="auth"`, "", "sip:")
	f.Add(`Digest username="`, "REGISTER", "tel:1")
	f.Fuzz(func(t *testing.T, header, method, uri string) {
		got := a.Verify([]string{header}, method, uri, lookup)
		if got.Status < Missing || got.Status > Malformed {
			t.Fatalf("status %d", got.Status)
		}
		if got.Status == OK && a.Verify([]string{header}, method, uri, lookup).Status != Stale {
			t.Fatalf("replay accepted: %q", header)
		}
		// What is read can be written and read again.
		c, err := parseCredentials(header)
		if err != nil {
			return
		}
		again, err := parseCredentials(write(c))
		if err != nil || again != c {
			t.Fatalf("expected %+v, got %+v, %v", c, again, err)
		}
	})
}

func write(c credentials) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	var b strings.Builder
	b.WriteString(phone.Prefix)
	for _, name := range []string{"username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "qop", "nc"} {
		value, _ := c.field(name)
		fmt.Fprintf(&b, `%s="%s", `, name, quote.Replace(*value))
	}
	return b.String()
}
