package phone

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
)

// challenger makes bob ask for credentials once per request, as a registrar does, and take any answer that is there.
func challenger(bob **Phone, status int, values ...string) func(*Message) bool {
	name, answer := "WWW-Authenticate", "Authorization"
	if status == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	return func(m *Message) bool {
		if m.Method == "REGISTER" && m.Get(answer) != "" {
			(*bob).Respond(m, 200, "", WithContact(m.Get("Contact")))
			return true
		}
		if m.Get(answer) != "" || m.Method == "CANCEL" || m.Method == "BYE" {
			return false
		}
		var opts []Option
		for _, v := range values {
			opts = append(opts, WithHeader(name, v))
		}
		(*bob).Respond(m, status, "", opts...)
		return true
	}
}

func TestRegisterAndInviteAreAuthorised(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var bob *Phone
		alice, b, _ := couple(t, memnet.Options{}, func(a, b *Config) {
			a.Password = "secret"
			b.OnRequest = challenger(&bob, 401, `Digest realm="example.com", nonce="n1", algorithm=SHA-512-256, qop="auth"`,
				`Digest realm="example.com", nonce="n2", algorithm=SHA-256, qop="auth,auth-int"`, `Digest realm="example.com", nonce="n3"`)
		})
		bob = b
		must(t, alice.Register(t.Context(), 60))
		must(t, alice.Unregister(t.Context()))
		expect(t, alice, map[string]int{"out REGISTER 0": 4, "in REGISTER 401": 2, "in REGISTER 200": 2})
		connect(t, alice, bob)
		expect(t, alice, map[string]int{"out INVITE 0": 2, "in INVITE 401": 1, "in INVITE 200": 1, "out ACK 0": 2})
		for _, e := range alice.Transcript() {
			if strings.Contains(e.Text, "\r\nAuthorization:") && !strings.Contains(e.Text, `nonce="n2"`) {
				t.Errorf("not the first challenge that is supported:\n%s", e.Text)
			}
		}
		m, err := alice.RegisterRaw(t.Context(), WithoutAuth(), WithHeader("Contact", "*"))
		if must(t, err); m.Status != 401 {
			t.Error(m)
		}
	})
}

func TestRefusedCredentialsAreNotRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var bob *Phone
		var n atomic.Int32
		alice, b, _ := couple(t, memnet.Options{}, func(a, b *Config) {
			a.Password = "wrong"
			b.OnRequest = func(m *Message) bool {
				bob.Respond(m, 407, "", WithHeader("Proxy-Authenticate", fmt.Sprintf(`Digest realm="r", nonce="%d"`, n.Add(1))))
				return true
			}
		})
		bob = b
		err := alice.Register(t.Context(), 60)
		if e, ok := err.(*StatusError); !ok || e.Response.Status != 407 || n.Load() != 2 {
			t.Fatalf("%v after %d requests", err, n.Load())
		}
		c, err := alice.Dial(t.Context(), "bob")
		must(t, err)
		if e, err := c.WaitEnd(t.Context()); err != nil || e.Status != 407 || n.Load() != 4 {
			t.Fatalf("%+v %v after %d requests", e, err, n.Load())
		}
	})
}

// RFC 7616 §3.9.1.
func TestDigestVectors(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		c := &challenge{
			answer: "Authorization", realm: "http-auth@example.org", algorithm: algorithm, qop: true,
			nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
		}
		m := &Message{Method: "GET", URI: "/dir/index.html"}
		c.authorize(m, "Mufasa", "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
		if !strings.Contains(m.Get("Authorization"), want) {
			t.Errorf("%s: %s", algorithm, m.Get("Authorization"))
		}
	}
}

func TestGlareIsRetriedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: 50 * time.Millisecond}, nil)
		out, in := connect(t, alice, bob)
		result := make(chan error, 2)
		go func() { result <- out.Hold(t.Context(), SendOnly) }()
		go func() { _, err := in.Reinvite(t.Context()); result <- err }()
		for range 2 {
			must(t, <-result)
		}
		if alice.Received("INVITE", 491) != 1 || bob.Received("INVITE", 491) != 1 {
			t.Errorf("want one 491 each way\n%s", alice.Ladder())
		}
	})
}

func TestReferAndNotify(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, n := couple(t, memnet.Options{}, func(a, b *Config) { b.FollowRefer, b.Server = true, "192.0.2.3:5060" })
		carol := start(t, Config{Number: "carol", Local: "192.0.2.3:5060", Net: Over(n.ListenPacket), AutoAnswer: true})
		ctx := t.Context()
		out, _ := connect(t, alice, bob)
		m, err := out.Refer(ctx, "sip:carol@192.0.2.3?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2")
		must(t, err)
		first, err := out.WaitNotify(ctx, 1)
		must(t, err)
		must(t, out.Hangup())
		last, err := out.WaitNotify(ctx, 2) // after the end of the call
		must(t, err)
		if m.Status != 202 || !strings.Contains(string(first.Body), "100") || !strings.Contains(string(last.Body), "200 OK") ||
			!strings.HasPrefix(last.Get("Subscription-State"), "terminated") {
			t.Errorf("%d, %q, %q", m.Status, first.Body, last.Body)
		}
		expect(t, carol, map[string]int{"in INVITE 0": 1})
		if invite := carol.Transcript()[0].Text; !strings.Contains(invite, "Replaces: a@b;to-tag=1;from-tag=2\r\n") {
			t.Error(invite)
		}
	})
}

func TestMediaFromOtherPorts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{}, nil)
		ctx := t.Context()
		out, in := connect(t, alice, bob)
		in.Media.SendTone(700)
		out.Media.SendTone(440)
		must(t, in.Media.WaitTone(ctx, 440))
		before := out.Media.Local()
		must(t, out.MoveMedia(ctx))
		if out.Media.Local() == before || in.Media.Remote() != out.Media.Local() {
			t.Errorf("%v, %v, %v", before, out.Media.Local(), in.Media.Remote())
		}
		must(t, out.Media.WaitTone(ctx, 700))
		time.Sleep(time.Second)
		from, err := out.Media.SendFrom("192.0.2.9:7000")
		must(t, err)
		time.Sleep(time.Second)
		must(t, out.Media.Inject([]byte("not RTP")))
		synctest.Wait()
		s := in.Media.Stats()
		if len(s.Sources) != 3 || s.Sources[2] != from || s.Bad != 1 || s.Lost != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestEarlyMediaUpdateAndFullDirections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{}, nil)
		ctx := t.Context()
		out, err := alice.Dial(ctx, "bob")
		must(t, err)
		in, err := bob.WaitCall(ctx)
		must(t, err)
		must(t, in.Trying())
		must(t, in.Progress())
		in.Media.SendTone(425)
		m, err := out.WaitProgress(ctx)
		must(t, err)
		must(t, out.Media.WaitTone(ctx, 425))
		must(t, in.Answer())
		must(t, out.WaitAnswer(ctx))
		if a, b := string(m.Body), string(out.Responses()[2].Body); a != b || a == "" {
			t.Errorf("183 and 200 differ:\n%s\n%s", a, b)
		}
		m, err = out.Update(ctx, WithDirection(SendOnly))
		must(t, err)
		if m.Status != 200 || out.Remote().Direction != RecvOnly {
			t.Error(m)
		}
		must(t, out.Media.WaitSilence(ctx))
	})
}

func TestHooksAndRawMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var bob *Phone
		alice, b, _ := couple(t, memnet.Options{}, func(a, b *Config) {
			b.OnRequest = func(m *Message) bool {
				switch m.Method {
				case "INFO":
					bob.Respond(m, 481, "")
					return true
				case "UPDATE":
					return true // never answered
				}
				return false
			}
		})
		bob = b
		ctx := t.Context()
		out, _ := connect(t, alice, bob)
		m, err := out.Info(ctx, "text/plain", "x")
		if must(t, err); m.Status != 481 {
			t.Error(m)
		}
		began := time.Now()
		if _, err := out.Update(ctx); err == nil || time.Since(began) != 32*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if n := alice.Count(Key{Out: true, Method: "UPDATE", Repeat: true}); n != 10 { // .5 1.5 3.5 7.5 ... 31.5
			t.Errorf("%d repeats", n)
		}
		for method, want := range map[string]int{"OPTIONS": 200, "BYE": 481, "PUBLISH": 501, "CANCEL": 481} {
			m, err := alice.Do(ctx, strings.ReplaceAll(`METHOD sip:bob@{server} SIP/2.0
v: SIP/2.0/{transport} {local};branch={branch}
Max-Forwards: 70
f: <sip:{number}@{domain}>;tag={tag}
t: <sip:bob@{domain}>
i: {callid}
CSeq: 1 METHOD
l: 0

`, "METHOD", method))
			if must(t, err); m.Status != want {
				t.Errorf("%s: %d, want %d", method, m.Status, want)
			}
		}
		must(t, alice.Send([]byte("\x00\xffgarbage\r\n\r\n")))
		synctest.Wait()
		if bob.Received("malformed", 0) != 1 {
			t.Error(bob.Counts())
		}
	})
}

func TestRoutesOfADialog(t *testing.T) {
	c := &Call{
		p: &Phone{cfg: Config{Transport: "udp", Number: "alice"}}, remote: "<sip:bob@b>", local: "<sip:alice@a>;tag=1",
		target: "sip:bob@192.0.2.2", ID: "x",
	}
	n := memnet.New(memnet.Options{})
	c.p = start(t, Config{Number: "alice", Local: "192.0.2.1:5060", Net: Over(n.ListenPacket)})
	for _, tt := range []struct{ recordRoute, uri, route string }{
		{"<sip:p2;lr>, <sip:p1;lr>", "sip:bob@192.0.2.7", "<sip:p1;lr>|<sip:p2;lr>"},
		{"<sip:p2;lr>, <sip:p1>", "sip:p1", "<sip:p2;lr>|<sip:bob@192.0.2.7>"},
		{"", "sip:bob@192.0.2.7", ""},
	} {
		m := &Message{Status: 200}
		m.Add("To", "<sip:bob@b>;tag=2")
		m.Add("Contact", `"B" <sip:bob@192.0.2.7>;q=1`)
		if tt.recordRoute != "" {
			m.Add("Record-Route", tt.recordRoute)
		}
		c.establish(m)
		r := c.request("BYE")
		if got := strings.Join(r.All("Route"), "|"); r.URI != tt.uri || got != tt.route || r.ToTag() != "2" {
			t.Errorf("%s: URI %s, Route %s", tt.recordRoute, r.URI, got)
		}
	}
}

func TestAnswerDirections(t *testing.T) {
	for _, tt := range []struct{ want, offered, answer string }{
		{SendRecv, SendRecv, SendRecv}, {SendRecv, SendOnly, RecvOnly}, {SendRecv, RecvOnly, SendOnly},
		{SendRecv, Inactive, Inactive}, {SendOnly, SendRecv, SendOnly}, {SendOnly, SendOnly, Inactive},
		{RecvOnly, RecvOnly, Inactive}, {Inactive, SendRecv, Inactive},
	} {
		offer := &SDP{Direction: tt.offered, Addr: netip.MustParseAddrPort("192.0.2.1:4000")}
		if got := answerDirection(tt.want, offer); got != tt.answer {
			t.Errorf("%s to %s: %s, want %s", tt.want, tt.offered, got, tt.answer)
		}
	}
}

func TestAnswerRefusesOtherStreams(t *testing.T) {
	offer, err := ParseSDP([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n" +
		"c=IN IP4 192.0.2.5\r\na=inactive\r\nm=audio 4000 RTP/AVP 8 97 0\r\nc=IN IP4 192.0.2.6\r\n" +
		"a=rtpmap:97 telephone-event/8000\r\na=sendonly\r\nm=image 5 udptl t38\r\n"))
	must(t, err)
	if offer.Addr.String() != "192.0.2.6:4000" || offer.EventPT != 97 || offer.Direction != SendOnly || len(offer.Codecs) != 2 {
		t.Fatalf("%+v", offer)
	}
	d := description{
		user: "bob", addr: netip.MustParseAddrPort("192.0.2.2:6000"), codecs: offer.Codecs[:1], eventPT: 97,
		direction: RecvOnly, offer: offer,
	}
	want := "m=video 0 RTP/AVP 96|m=audio 6000 RTP/AVP 8 97|m=image 0 udptl t38"
	var got []string
	for _, line := range strings.Split(d.String(), "\r\n") {
		if strings.HasPrefix(line, "m=") {
			got = append(got, line)
		}
	}
	if strings.Join(got, "|") != want {
		t.Errorf("got %v", got)
	}
}

// The A-law and mu-law tables invert their encoders to the last bit.
func TestG711RoundTrip(t *testing.T) {
	for i := range 256 {
		if got := encodeULaw(int(ulaw[i])); got != byte(i) && ulaw[i] != 0 {
			t.Errorf("mu-law %#x: decoded %d, encoded %#x", i, ulaw[i], got)
		}
		if got := encodeALaw(int(alaw[i])); got != byte(i) {
			t.Errorf("A-law %#x: decoded %d, encoded %#x", i, alaw[i], got)
		}
	}
	if ulaw[0] != -32124 || ulaw[0xff] != 0 || alaw[0xd5] != 8 || alaw[0x2a] != -32256 {
		t.Error(ulaw[0], ulaw[0xff], alaw[0xd5], alaw[0x2a])
	}
}

func TestMixedTonesAreHeard(t *testing.T) {
	pcm := make([]int16, 1600)
	for i := range pcm {
		for _, hz := range []int{440, 700, 1330} {
			pcm[i] += ulaw[wave{f1: hz}.second(false)[i]] / 2
		}
	}
	if tones, _ := newSpectrum(pcm).peaks(); fmt.Sprint(tones) != "[440 700 1330]" {
		t.Error(tones)
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte("INVITE sip:bob@example.com SIP/2.0\r\nv: SIP/2.0/UDP a;branch=1,\r\n SIP/2.0/UDP b\r\nl: 1\r\n\r\nxy"))
	f.Add([]byte("SIP/2.0 200 \r\nTo: \"a;\\\"b\" <sip:x;y=1>;tag=1;z\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseMessage(raw)
		if err != nil {
			return
		}
		again, err := ParseMessage(m.Bytes())
		if err != nil || again.String() != m.String() {
			t.Fatalf("%v\n%q\n%q", err, m, again)
		}
		_, _, _, _ = m.Branch(), m.ToTag(), m.SDP(), m.List("Contact")
		findChallenge(m)
	})
}
