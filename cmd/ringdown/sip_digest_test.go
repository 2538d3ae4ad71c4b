package main

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// digestAnswer answers a challenge as RFC 7616 §3.4 says, written apart from the code under test.
type digestAnswer struct {
	user, password, method, uri string
	nonce, realm, algorithm, nc string
}

func (d digestAnswer) String() string {
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	if d.algorithm == "SHA-256" {
		h = func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	}
	response := h(h(d.user+":"+d.realm+":"+d.password) + ":" + d.nonce + ":" + d.nc + ":c0ffee:auth:" + h(d.method+":"+d.uri))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s, cnonce="c0ffee", qop=auth, nc=%s`,
		d.user, d.realm, d.nonce, d.uri, response, d.algorithm, d.nc)
}

var parameter = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

// parameters reads a challenge.
func parameters(challenge string) map[string]string {
	m := map[string]string{}
	for _, p := range parameter.FindAllStringSubmatch(challenge, -1) {
		m[p[1]] = p[2]
	}
	return m
}

const registerText = `REGISTER sip:{domain} SIP/2.0
Via: SIP/2.0/UDP {local};branch={branch};rport
Max-Forwards: 70
From: <sip:{number}@{domain}>;tag={tag}
To: <sip:{number}@{domain}>
Call-ID: {callid}
CSeq: 7 REGISTER
{more}Content-Length: 0

`

// register sends a REGISTER of our own writing, with further header lines, and returns the answer.
func (r *rig) register(p *phone.Phone, more ...string) *phone.Message {
	r.Helper()
	lines := ""
	for _, m := range more {
		lines += m + "\n"
	}
	res, err := p.Do(r.ctx, strings.Replace(registerText, "{more}", lines, 1))
	r.ok(err)
	return res
}

// challenge gets the challenges of a REGISTER, in order.
func (r *rig) challenge(p *phone.Phone) []string {
	r.Helper()
	return r.status(r.register(p), nil, 401).All("WWW-Authenticate")
}

// answerTo is right credentials for one challenge.
func (r *rig) answerTo(challenge, number string) digestAnswer {
	c := parameters(challenge)
	return digestAnswer{user: number, password: string(demoPassword), method: "REGISTER", uri: "sip:" + r.cfg.SIP.Domain,
		nonce: c["nonce"], realm: c["realm"], algorithm: c["algorithm"], nc: "00000001"}
}

// The order of challenges is MD5, then SHA-256, and both are taken.
func TestDigestAlgorithms(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		cs := r.challenge(p)
		if len(cs) != 2 || !strings.Contains(cs[0], "algorithm=MD5,") || !strings.Contains(cs[1], "algorithm=SHA-256,") {
			r.Fatalf("challenges: %q", cs)
		}
		for i := range cs {
			res := r.register(p, "Authorization: "+r.answerTo(r.challenge(p)[i], "2001").String())
			r.status(res, nil, 200)
		}
	})
}

// X7: what is not an answer to our challenge gets 400 or a fresh challenge, and binds nothing.
func TestX7_Authorization(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		for _, row := range []struct {
			name   string
			change func(*digestAnswer) string
			want   int
			stale  bool
		}{
			{"X7 another algorithm", func(d *digestAnswer) string { d.algorithm = "SHA-512-256"; return d.String() }, 401, false},
			{"X7 another realm", func(d *digestAnswer) string { d.realm = "elsewhere"; return d.String() }, 401, false},
			{"X7 foreign nonce", func(d *digestAnswer) string { d.nonce = "Zm9v"; return d.String() }, 401, true},
			{"X7 bad nc", func(d *digestAnswer) string { d.nc = "zzz"; return d.String() }, 400, false},
			{"X7 no qop", func(d *digestAnswer) string { return strings.Replace(d.String(), "qop=auth", "qop=auth-conf", 1) }, 400, false},
			{"X7 other uri", func(d *digestAnswer) string { d.uri = "sip:other.example.com"; return d.String() }, 400, false},
			{"X7 unclosed quote", func(d *digestAnswer) string { return `Digest username="2001` }, 400, false},
			{"X7 basic", func(d *digestAnswer) string { return "Basic Zm9vOmJhcg==" }, 401, false},
			{"X7 nothing", func(d *digestAnswer) string { return "Digest" }, 400, false},
			{"X7 wrong password", func(d *digestAnswer) string { d.password = "no"; return d.String() }, 403, false},
		} {
			d := r.answerTo(r.challenge(p)[0], "2001")
			res := r.register(p, "Contact: <"+p.ContactURI()+">", "Authorization: "+row.change(&d))
			if stale := strings.Contains(res.Get("WWW-Authenticate"), "stale=true"); res.Status != row.want || stale != row.stale {
				r.Errorf("%s: %s, stale %v", row.name, res.StartLine(), stale)
			}
		}
		if n := r.sw.agent.Counts().Bindings; n != 0 {
			r.Errorf("%d bindings", n)
		}
	})
}

// X7: a nonce may be used again with a higher nc only, and only for some time.
func TestX7_NonceReuse(t *testing.T) {
	bubble(t, func(r *rig) {
		p := r.unregistered("2001")
		d := r.answerTo(r.challenge(p)[0], "2001")
		for _, row := range []struct {
			nc   string
			wait time.Duration
			want int
		}{
			{"00000001", 0, 200}, {"00000001", 0, 401}, {"00000002", 0, 200}, {"00000005", 0, 200},
			{"00000006", 24 * time.Hour, 401},
		} {
			time.Sleep(row.wait)
			d.nc = row.nc
			res := r.status(r.register(p, "Authorization: "+d.String()), nil, row.want)
			if res.Status == 401 && !strings.Contains(res.Get("WWW-Authenticate"), "stale=true") {
				r.Errorf("nc %s after %v: not told that the nonce is stale: %s", row.nc, row.wait, res)
			}
		}
	})
}

// X8: known and unknown users get the same answers to the byte, but for what differs in every answer.
func TestX8_Enumeration(t *testing.T) {
	varies := regexp.MustCompile(`branch=\S+|tag=\w+|nonce="[^"]*"|Call-ID: \S+|2001|7777|[\d.]+:\d+|rport=\d+`)
	bubble(t, func(r *rig) {
		known, unknown := r.unregistered("2001"), r.unregistered("7777")
		for _, method := range []string{"REGISTER", "INVITE", "OPTIONS", "MESSAGE", "REFER"} {
			var got [2][]string
			for i, p := range []*phone.Phone{known, unknown} {
				for _, opts := range [][]phone.Option{{phone.WithoutAuth()}, {phone.WithPassword("wrong")}} {
					res, err := p.Request(r.ctx, method, "2005", opts...)
					r.ok(err)
					got[i] = append(got[i], varies.ReplaceAllString(strings.ReplaceAll(res.String(), "received=198.51.100.7", "received=198.51.100.1"), "*"))
				}
			}
			for i := range got[0] {
				if got[0][i] != got[1][i] {
					r.Errorf("%s: known user\n%s\nunknown user\n%s", method, got[0][i], got[1][i])
				}
			}
		}
	})
}
