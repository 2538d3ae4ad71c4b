package tx

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// vector reads a message of testdata: what is expected of it and its bytes. Lines end with LF there and \xNN stands for
// a byte.
func vector(t testing.TB, path string) (expect string, wire []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(string(raw), "\n")
	expect, ok := strings.CutPrefix(first, "# expect: ")
	_, rest, _ = strings.Cut(rest, "\n") // the note
	if !ok {
		t.Fatalf("%s: no expectation", path)
	}
	if !strings.Contains(rest, "\n\n") {
		rest += "\n"
	}
	rest = strings.ReplaceAll(rest, "\n", "\r\n")
	for i := 0; i < len(rest); i++ {
		if strings.HasPrefix(rest[i:], `\x`) && len(rest) >= i+4 {
			if b, err := strconv.ParseUint(rest[i+2:i+4], 16, 8); err == nil {
				wire = append(wire, byte(b))
				i += 3
				continue
			}
		}
		wire = append(wire, rest[i])
	}
	return expect, wire
}

func vectors(t testing.TB) []string {
	paths, err := filepath.Glob("testdata/rfc4475/*.txt")
	if err != nil || len(paths) < 45 {
		t.Fatal(len(paths), err)
	}
	return paths
}

// TestTortureMessages plays the kinds of message of RFC 4475, one per section (edge cases X1, X2). What is the user's
// to judge reaches the user.
func TestTortureMessages(t *testing.T) {
	for _, path := range vectors(t) {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			expect, wire := vector(t, path)
			play(t, Limits{}, func(t *testing.T, s *scene) {
				s.user.request = answer(200)
				s.send(string(wire))
				got := "drop"
				all := s.received()
				switch {
				case s.user.responses > 0:
					got = "response"
				case s.user.requests > 0 && len(all) == 1:
					got = "user"
				case len(all) == 1:
					got = all[0].first()
				}
				if got != expect {
					t.Fatalf("got %s, want %s: %v", got, expect, all)
				}
				for _, g := range all {
					checkAnswer(t, string(wire), g.text)
				}
			})
		})
	}
}

// checkAnswer checks that an answer can be read again and repeats what the request said.
func checkAnswer(t *testing.T, request, text string) {
	limits := Limits{}.Defaults()
	m := parseDatagram([]byte(text), &limits)
	if m == nil || m.res == nil {
		t.Fatalf("the answer is no response:\n%s", text)
	}
	if id := header(text, "Call-ID"); id != "" && !strings.Contains(request, id) {
		t.Errorf("Call-ID %q", id)
	}
	if !strings.Contains(header(text, "CSeq"), " ") || header(text, "Via") == "" {
		t.Errorf("not matchable:\n%s", text)
	}
}

func TestShortTortuousINVITE(t *testing.T) { // RFC 4475 §3.1.1.1: what has to be understood
	_, wire := vector(t, "testdata/rfc4475/3.1.1.1-short-tortuous-invite.txt")
	limits := Limits{}.Defaults()
	m := parseDatagram(wire, &limits)
	if m == nil || m.fault != nil {
		t.Fatalf("%+v", m)
	}
	req := m.req
	vias := req.GetHeaders("Via")
	contact := req.Contact()
	tests := []struct{ name, got, want string }{
		{"To tag", first(param(req.To().Params, "tag")), "1918181833n"},
		{"To host", req.To().Address.Host, "chair-dnrc.example.com"},
		{"From tag", first(param(req.From().Params, "tag")), "98asjd8"},
		{"From name", req.From().DisplayName, `J Rosenberg \\\"`},
		{"CSeq", req.CSeq().Value(), "9 INVITE"},
		{"Max-Forwards", req.MaxForwards().Value(), "68"},
		{"Vias", strconv.Itoa(len(vias)), "3"},
		{"Via 1", vias[0].Value(), "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw"},
		{"Via 2", vias[1].Value(), "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8"},
		{"Via 3", vias[2].Value(), "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239"},
		{"Contact", contact.Value(), `"Quoted string \"\"" <sip:jdrosen@example.com>;newparam=newvalue;secondparam;q=0.33`},
		{"Route", req.Route().Value(), "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"},
		{"Subject", req.GetHeader("Subject").Value(), ""},
		{"unknown", req.GetHeader("NewFangledHeader").Value(), "newfangled value continued newfangled value"},
		{"body", string(req.Body()), "v=0\r\no=abc\r"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func first(s string, _ bool) string { return s }

func TestCompactForms(t *testing.T) { // RFC 3261 §7.3.3 and the IANA registry
	text := "REFER sip:bob@192.0.2.2 SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKc\r\nf: <sip:a@example.com>;tag=1\r\n" +
		"t: <sip:b@example.com>\r\ni: id\r\nCSEQ: 1 REFER\r\nm: <sip:a@192.0.2.1>\r\nk: timer,replaces\r\nx: 1800\r\n" +
		"r: <sip:c@example.com>\r\nb: <sip:a@example.com>\r\no: refer\r\nu: refer\r\ns: hello\r\na: *;audio\r\ne: gzip\r\n" +
		"j: *;video\r\nd: fork\r\nn: x\r\ny: z\r\nc: text/plain\r\nl: 2\r\n\r\nhi"
	limits := Limits{}.Defaults()
	m := parseDatagram([]byte(text), &limits)
	if m == nil || m.fault != nil || sane(m.req) != nil {
		t.Fatalf("%+v", m)
	}
	for name, want := range map[string]string{
		"Supported": "timer,replaces", "Session-Expires": "1800", "Refer-To": "<sip:c@example.com>",
		"Referred-By": "<sip:a@example.com>", "Event": "refer", "Allow-Events": "refer", "Subject": "hello",
		"Accept-Contact": "*;audio", "Content-Encoding": "gzip", "Reject-Contact": "*;video", "Request-Disposition": "fork",
		"Identity-Info": "x", "Identity": "z", "Content-Type": "text/plain", "Call-ID": "id",
	} {
		if h := m.req.GetHeader(name); h == nil || h.Value() != want || h.Name() != name {
			t.Errorf("%s: %v", name, h)
		}
	}
	if to := m.req.ReferTo(); to == nil || to.Address.User != "c" {
		t.Error(to)
	}
}

func TestRefusals(t *testing.T) { // edge cases X3, X5
	long := strings.Repeat("x", 2000)
	tests := []struct{ name, text, want string }{
		{"no To", strings.Replace(requestText("INVITE", branch1), "To: <sip:bob@example.com>\r\n", "", 1), "400"},
		{"no From", strings.Replace(requestText("INVITE", branch1), "From: <sip:alice@example.com>;tag=a1\r\n", "", 1), "400"},
		{"no Call-ID", strings.Replace(requestText("INVITE", branch1), "Call-ID: c1@192.0.2.1\r\n", "", 1), "400"},
		{"no CSeq", strings.Replace(requestText("INVITE", branch1), "CSeq: 1 INVITE\r\n", "", 1), ""},
		{"no Via", strings.Replace(requestText("INVITE", branch1), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch="+branch1+"\r\n", "", 1), ""},
		{"no From tag", requestText("INVITE", branch1, "From: <sip:alice@example.com>"), "400"},
		{"empty To tag", requestText("INVITE", branch1, "To: <sip:alice@example.com>;tag="), "400"},
		{"no empty line", strings.TrimSuffix(requestText("INVITE", branch1), "\r\n"), "400"},
		{"CSeq 2^31", requestText("INVITE", branch1, "CSeq: 2147483648 INVITE"), "400"},
		{"CSeq 2^31-1", requestText("INVITE", branch1, "CSeq: 2147483647 INVITE"), "200"},
		{"sips", strings.Replace(requestText("INVITE", branch1), "sip:bob", "sips:bob", 1), "200"},
		{"tel", strings.Replace(requestText("INVITE", branch1), "sip:bob@192.0.2.2", "tel:+15551234", 1), "200"},
		{"http", strings.Replace(requestText("INVITE", branch1), "sip:bob@192.0.2.2", "http://example.com", 1), "416"},
		{"no host", strings.Replace(requestText("INVITE", branch1), "sip:bob@192.0.2.2", "sip:", 1), "400"},
		{"port", strings.Replace(requestText("INVITE", branch1), "sip:bob@192.0.2.2", "sip:bob@192.0.2.2:65536", 1), "400"},
		{"bare LF", requestText("INVITE", branch1, "Subject: a\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKx"), "400"},
		{"bare CR", requestText("INVITE", branch1, "Subject: a\rb"), "400"},
		{"no colon", requestText("INVITE", branch1, "Subject"), "400"},
		{"no name", requestText("INVITE", branch1, ": value"), "400"},
		{"headers", requestText("INVITE", branch1, strings.Repeat("X: y\r\n", 300)+"Y: z"), "400"},
		{"contacts", requestText("INVITE", branch1, "Contact: "+strings.Repeat("<sip:a@b>,", 3000)+"<sip:a@b>"), "400"},
		{"vias", requestText("INVITE", branch1, strings.Repeat("Via: SIP/2.0/UDP a.example.com\r\n", 80)+"Y: z"), "400"},
		{"size", requestText("MESSAGE", branch1, "Subject: "+strings.Repeat(long, 4)), "513"},
		{"unknown method", requestText("FOO", branch1), "200"},
		{"lower case", requestText("invite", branch1), "200"}, // another method: the user knows it not
		{"SIP/1.0", strings.Replace(requestText("INVITE", branch1), "SIP/2.0\r\n", "SIP/1.0\r\n", 1), "505"},
		{"broken ACK", strings.Replace(requestText("ACK", branch1), "Call-ID: c1@192.0.2.1\r\n", "", 1), ""},
		{"ACK in CSeq", requestText("INVITE", branch1, "CSeq: 1 ACK"), ""},
		{"Max-Forwards 0 in dialog", requestText("BYE", branch1, "Max-Forwards: 0", "To: <sip:b@example.com>;tag=x"), "200"},
		{"no Max-Forwards", strings.Replace(requestText("INVITE", branch1), "Max-Forwards: 70\r\n", "", 1), "200"},
		{"keep-alive", "\r\n\r\n", ""},
		{"empty", "", ""},
		{"zero", "\x00", ""},
		{"STUN", "\x00\x01\x00\x00\x21\x12\xa4\x42aaaaaaaaaaaa", ""},
		{"noise", "GET / HTTP/1.1\r\n\r\n", ""},
		{"CRLF before", "\r\n\r\n" + requestText("INVITE", branch1), "200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			play(t, Limits{MessageBytes: 7000}, func(t *testing.T, s *scene) {
				s.user.request = answer(200)
				s.send(tt.text)
				if k := s.kinds(); k != tt.want {
					t.Errorf("answered %q, want %q", k, tt.want)
				}
			})
		})
	}
}

func TestRefusalIsRepeatedAlike(t *testing.T) { // RFC 3261 §8.2.7: a stateless UAS
	play(t, Limits{}, func(t *testing.T, s *scene) {
		text := requestText("INVITE", branch1, "Max-Forwards: 0")
		s.send(text)
		s.send(text)
		all := s.received()
		if len(all) != 2 || all[0].text != all[1].text {
			t.Fatal(all)
		}
		s.send(requestText("ACK", branch1, "To: "+header(all[0].text, "To")))
		if s.user.acks != 0 {
			t.Error("its ACK reached the user")
		}
		s.live(0, 0)
	})
}

// FuzzMessage: whatever comes, nothing panics, and what is accepted can be written and read again as the same.
func FuzzMessage(f *testing.F) {
	for _, path := range vectors(f) {
		_, wire := vector(f, path)
		f.Add(wire)
	}
	limits := Limits{}.Defaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parseDatagram(data, &limits)
		if m == nil {
			return
		}
		if m.req != nil {
			noteSourceOf(m.req, toAlice)
			b, err := newAnswer(m.req, 400, "Bad Request", statelessTag(m.req)).wire()
			if err != nil {
				t.Fatalf("the 400 cannot be written: %v", err)
			}
			if again := parseDatagram(b, &limits); again == nil || again.res == nil {
				t.Fatalf("the 400 cannot be read: %q", b)
			}
		}
		if m.fault != nil || m.req != nil && sane(m.req) != nil {
			return
		}
		var one headered = m.res
		if m.req != nil {
			one = m.req
			serverKey(m.req, "UDP")
		}
		b, err := encode(one)
		if err != nil {
			t.Fatalf("cannot be written again: %v", err)
		}
		again := parseDatagram(b, &limits)
		if again == nil || again.fault != nil {
			t.Fatalf("cannot be read again: %+v\n%q\n%q", again.fault, data, b)
		}
		if b2, err := encode(again.sip().(headered)); err != nil || string(b2) != string(b) {
			t.Fatalf("written twice: %v\n%q\n%q", err, b, b2)
		}
		for _, name := range []string{"Via", "Call-ID", "CSeq", "Subject"} {
			if x, y := values(m.sip(), name), values(again.sip(), name); x != y {
				t.Fatalf("%s: %q became %q", name, x, y)
			}
		}
	})
}

func values(msg sip.Message, name string) string {
	var v []string
	for _, h := range msg.GetHeaders(name) {
		v = append(v, h.Value())
	}
	return strings.Join(v, "\n")
}
