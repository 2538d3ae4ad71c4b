package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"ringdown/bench/phone"
)

// The vendor's page "Transfer a Call" over real sockets: its requests byte for byte but for the ids and tokens, its
// answers, and the events of a real WebSocket and a real webhook, which agree.
func TestYeastar_SeedsOverHTTP(t *testing.T) {
	hook := newHook(t)
	r := loopRig(t, func(c *Config) {
		c.Yeastar = DefaultConfig().Yeastar
		c.Yeastar.Webhooks = []Webhook{{URL: hook.URL, Secret: "s3cret", Method: http.MethodPost}}
		c.anyPorts()
		// The page's outside number is an extension here: there are no outside lines yet.
		c.Extensions = append(c.Extensions, Extension{Number: "5503301", Password: demoPassword, Name: "outside"})
	})
	y := r.yeastarApp()
	seed := func(body string) {
		r.Helper()
		got := raw(r, y.base, "POST /openapi/v1.0/call/transfer?access_token="+y.login()+" HTTP/1.1\r\n"+
			"Host: 192.168.5.150:8088\r\nContent-Type: application/json\r\nContent-Length: "+fmt.Sprint(len(body))+"\r\n\r\n"+body)
		want := `{"errcode":0,"errmsg":"SUCCESS","call_id":"` + y.calls()[0].CallID + `"}`
		r.that(strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") && strings.HasSuffix(got, "\r\n\r\n"+want), "answer:\n%s", got)
	}
	alice, bob, carol, outside := r.phone("2000"), r.phone("2005"), r.phone("2008"), r.phone("5503301")

	a, b := r.talk(alice, "2005", bob)
	seed("{\n    \"type\": \"blind\",\n    \"channel_id\": \"" + y.channel("2000") + "\",\n    \"number\": \"2008\"\n  }")
	r.ended(b, 0)
	c := r.rung(carol)
	r.ringback(a)
	r.ok(c.Answer())
	r.tones(a, aliceTone, c, carolTone)
	y.does(y.on("call/hangup", "2008"))
	r.ended(a, 0)
	r.ended(c, 0)

	a, b = r.talk(alice, "2005", bob)
	seed("{\n    \"type\": \"attended\",\n    \"channel_id\": \"" + y.channel("2005") +
		"\",\n    \"number\": \"5503301\",\n    \"dial_permission\":\"2005\"\n}")
	c = r.rung(outside)
	r.ok(c.Answer())
	r.tones(b, bobTone, c, carolTone)
	seed("{\n    \"type\": \"attended\",\n    \"channel_id\": \"" + y.channel("2005") + "\",\n    \"attended_operate\":\"complete\"\n}")
	r.ended(b, 0)
	r.hear(a, carolTone, c, aliceTone)
	r.ok(a.Hangup())
	r.ends(c)
	r.settled()

	last := func(texts []string) bool { return said(texts[len(texts)-1]) == "30012 2000-5503301 ANSWERED" }
	r.arrived(func() bool { return last(hook.taken()) && last(y.events.taken()) })
	if got, want := hook.taken(), y.events.taken(); !slices.Equal(got, want) {
		t.Errorf("webhook:\n%s\nWebSocket:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, text := range y.events.taken() {
		var e struct {
			Type int
			SN   string
			Msg  string
		}
		r.that(json.Unmarshal([]byte(text), &e) == nil && e.SN == "ringdown" && json.Valid([]byte(e.Msg)), "event %s", text)
	}
}

// raw writes a request as it stands and reads one answer.
func raw(r *rig, addr, request string) string {
	r.Helper()
	conn, err := net.Dial("tcp", addr)
	r.ok(err)
	defer conn.Close()
	_, err = io.WriteString(conn, strings.Replace(request, "\r\n", "\r\nConnection: close\r\n", 1))
	r.ok(err)
	got, err := io.ReadAll(conn)
	r.ok(err)
	return string(got)
}

// hook is a webhook that keeps what it was sent, and fails the test on a wrong signature.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	texts []string
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		m := hmac.New(sha256.New, []byte("s3cret"))
		m.Write(body)
		if req.Header.Get("X-Signature") != base64.StdEncoding.EncodeToString(m.Sum(nil)) {
			t.Errorf("signature %q", req.Header.Get("X-Signature"))
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.texts = append(h.texts, string(body))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.texts)
}

// Four phones on loopback: consult, swap, threeway, and each of the three leaves in turn.
func TestYeastar_FourPhonesOnLoopback(t *testing.T) {
	r := loopRig(t, func(c *Config) { c.Yeastar = DefaultConfig().Yeastar; c.anyPorts() })
	y := r.yeastarApp()
	alice, bob, carol := r.three()
	dave := r.phone("2003")
	a, b := r.talk(alice, "2001", bob)
	y.does(y.transfer("attended", "2001", `"number":"2002"`))
	c := r.rung(carol)
	r.ringback(b)
	r.ok(c.Answer())
	r.tones(b, bobTone, c, carolTone)
	y.does(y.transfer("attended", "2001", `"attended_operate":"swap"`))
	r.hear(a, bobTone, b, aliceTone)
	y.does(y.transfer("attended", "2001", `"attended_operate":"threeway"`))
	for call, tones := range map[*phone.Call][]int{a: {bobTone, carolTone}, b: {aliceTone, carolTone}, c: {aliceTone, bobTone}} {
		for _, hz := range tones {
			r.ok(call.Media.WaitTone(r.ctx, hz))
		}
	}
	r.ok(b.Hangup())
	r.hear(a, carolTone, c, aliceTone)
	y.does(y.transfer("blind", "2002", `"number":"2003"`))
	r.ended(a, 0)
	d := r.rung(dave)
	r.ok(d.Answer())
	r.tones(c, carolTone, d, bobTone)
	y.does(y.on("call/hangup", "2003"))
	r.ended(c, 0)
	r.ended(d, 0)
	r.settled()
	r.same("calls", len(y.calls()), 0)
}

// The ready line names both APIs, the older one last, as bench reads it.
func TestYeastar_ReadyLine(t *testing.T) {
	r := loopRig(t, func(c *Config) {
		d := DefaultConfig()
		c.Ozeki, c.Yeastar = d.Ozeki, d.Yeastar
		c.anyPorts()
	})
	line := r.sw.Ready()
	want := fmt.Sprintf(", yeastar http://%s/openapi/v1.0, http http://%s/api", r.sw.Yeastar, r.sw.HTTP)
	r.that(strings.HasPrefix(line, "ready: sip udp://127.0.0.1:") && strings.HasSuffix(line, want), "%s", line)
}

// The section of the design is readable, and init writes fresh secrets.
func TestYeastar_ConfigOfTheDesign(t *testing.T) {
	cfg, err := ParseConfig("design.yaml", []byte(`
sip: {domain: example.com, listen: ["udp://127.0.0.1:5060"]}
yeastar:
  listen: 127.0.0.1:8088
  applications: [{client_id: app, client_secret: secret}]
  sn: "369451090405"
  require_user_agent: false
  webhooks: [{url: "http://127.0.0.1:8300/", secret: s3cret, events: [30011, 30013]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	y := cfg.Yeastar
	if y.Applications[0] != (Application{"app", "secret"}) || y.SN != "369451090405" || y.Webhooks[0].Secret != "s3cret" ||
		!slices.Equal(y.Webhooks[0].Events, []int{30011, 30013}) {
		t.Errorf("got %+v", y)
	}
	var fresh [2]*Config
	for i := range fresh {
		text, err := freshConfig()
		if err != nil {
			t.Fatal(err)
		}
		if fresh[i], err = ParseConfig("fresh", text); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := fresh[0].Yeastar.Applications[0], fresh[1].Yeastar.Applications[0]; a.ClientSecret == b.ClientSecret || len(a.ClientSecret) < 20 {
		t.Error("a weak or shared client secret")
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v", y, y, y)
	if strings.Contains(out.String(), "s3cret") {
		t.Errorf("a secret was printed: %s", &out)
	}
}
