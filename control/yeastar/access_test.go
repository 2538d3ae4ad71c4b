package yeastar

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

const login = `{"username":"app","password":"app-secret"}`

// TestGetToken: the literal answer (spec yeastar-p 2.1), by body and by query.
func TestGetToken(t *testing.T) {
	a := newAPI(t, newDesk())
	c := &client{TB: t, api: a}
	form := regexp.MustCompile(`^\{"errcode":0,"errmsg":"SUCCESS","access_token_expire_time":1800,"access_token":"[A-Za-z0-9]{32}","refresh_token_expire_time":86400,"refresh_token":"[A-Za-z0-9]{32}"\}$`)
	seen := map[string]bool{}
	for _, got := range []reply{
		c.send("POST", "get_token", "", login), c.send("POST", "get_token", "", " \ufeff"[1:]+login+"\n"),
		c.send("POST", "get_token", "username=app&password=app-secret", ""),
		c.send("POST", "get_token", "password=app-secret", `{"username":"app","x":[1,{"y":null}]}`),
		c.send("POST", "get_token", "", login, func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }),
	} {
		if !form.MatchString(got.body) || seen[got.Access] || seen[got.Refresh] || got.Access == got.Refresh {
			t.Errorf("got %s", got.body)
		}
		seen[got.Access], seen[got.Refresh] = true, true
	}
}

// TestWrongCredentials: whatever is wrong, the answer is the same.
func TestWrongCredentials(t *testing.T) {
	c := &client{TB: t, api: newAPI(t, newDesk(), func(c *Config) { c.Block.Failures = 1000 })}
	for _, body := range []string{
		`{"username":"app","password":"other-secret"}`, `{"username":"App","password":"app-secret"}`,
		`{"username":"app","password":"app-secre"}`, `{"username":"app","password":"app-secrets"}`,
		`{"username":"nobody","password":"x"}`, `{"username":"app","password":""}`, `{"username":"app"}`, `{}`, ``,
		`{"username":null,"password":null}`, `{"username":"app-secret","password":"app"}`,
	} {
		c.expect(body, c.send("POST", "get_token", "", body), 40002)
	}
	c.expect("odd", c.send("POST", "get_token", "", `{"username":["app"],"password":"app-secret"}`), 40001)
	c.expect("cut", c.send("POST", "get_token", "", login[:20]), 40001)
}

// TestPaths: the order of the checks before a token is looked at, and always HTTP 200.
func TestPaths(t *testing.T) {
	a := newAPI(t, newDesk())
	token := newClient(t, a).token
	for _, row := range []struct {
		method, path string
		code         errcode
	}{
		{"GET", "/openapi/v1.0/call/query", 0}, {"GET", "/openapi/v1.0/call/dial_out", 10001},
		{"POST", "/openapi/v1.0/call/dial", 10001}, {"POST", "/openapi/v1.0/", 10001}, {"GET", "/", 10001},
		{"GET", "/api", 10001}, {"GET", "/openapi", 10001}, {"GET", "/openapi/v1.0", 10001},
		{"GET", "/openapi/v2.0/call/query", 10003}, {"POST", "/openapi/v1.1/get_token", 10003}, {"POST", "/openapi/v1/get_token", 10003},
		{"POST", "/openapi/v1.0/call/query", 10001}, {"GET", "/openapi/v1.0/call/transfer", 10001},
		{"GET", "/openapi/v1.0/get_token", 10001}, {"POST", "/openapi/v1.0/del_token", 10001},
		{"PUT", "/openapi/v1.0/call/hangup", 10001}, {"HEAD", "/openapi/v1.0/call/query", 10001},
		{"GET", "/openapi/v1.0/call/query/", 10001}, {"GET", "/openapi/v1.0/Call/Query", 10001},
	} {
		r := httptest.NewRequest(row.method, row.path+"?access_token="+token, nil)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		want := fmt.Sprintf(`{"errcode":%d,"errmsg":"%s"`, row.code, messages[row.code])
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), want) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: got %d %s", row.method, row.path, w.Code, w.Body)
		}
	}
}

// TestTokenPlace: in the query, wherever there; never in a header or the body.
func TestTokenPlace(t *testing.T) {
	c := newClient(t, newAPI(t, newDesk()))
	c.expect("last", c.send("GET", "call/query", "type=&access_token="+c.token, ""), 0)
	c.expect("first", c.send("GET", "call/query", "access_token="+c.token+"&type=", ""), 0)
	for query, header := range map[string]string{"": "Bearer " + c.token, "access_token=": "", "access_token=" + c.token + "x": "",
		"access_token=" + c.token[1:]: "", "Access_Token=" + c.token: "", "%zz": ""} {
		c.expect(query, c.send("GET", "call/query", query, "", func(r *http.Request) { r.Header.Set("Authorization", header) }), 10004)
	}
	c.expect("body", c.send("POST", "call/hangup", "", `{"access_token":"`+c.token+`","channel_id":"x"}`), 10004)
}

func TestUserAgent(t *testing.T) {
	c := newClient(t, newAPI(t, newDesk()))
	c.expect("none", c.get("call/query", ""), 0)
	a := newAPI(t, newDesk(), func(c *Config) { c.RequireUserAgent = true })
	c = &client{TB: t, api: a}
	c.expect("none", c.send("POST", "get_token", "", login), 40002)
	c.expect("one", c.send("POST", "get_token", "", login, func(r *http.Request) { r.Header.Set("User-Agent", "x") }), 0)
}

// TestLife: tokens end by time, by refresh, by del_token, and by the eighth that comes after them.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, newDesk())
		c := newClient(t, a)
		first := c.send("POST", "get_token", "", login)
		c.token = first.Access
		time.Sleep(30*time.Minute - time.Nanosecond)
		c.expect("at its end", c.get("call/query", ""), 0)
		time.Sleep(time.Nanosecond)
		c.expect("after its end", c.get("call/query", ""), 10004)
		time.Sleep(23 * time.Hour)
		second := c.send("POST", "refresh_token", "", `{"refresh_token":"`+first.Refresh+`"}`)
		c.expect("refresh", second, 0)
		c.token = second.Access
		c.expect("the new one", c.get("call/query", ""), 0)
		c.expect("refresh twice", c.send("POST", "refresh_token", "", `{"refresh_token":"`+first.Refresh+`"}`), 10004)
		c.expect("refresh by the access token", c.send("POST", "refresh_token", "", `{"refresh_token":"`+second.Access+`"}`), 10004)
		c.expect("refresh by nothing", c.send("POST", "refresh_token", "", `{}`), 40002)
		c.token = second.Refresh
		c.expect("the refresh token is no access token", c.get("call/query", ""), 10004)
		c.token = second.Access
		c.expect("del_token", c.get("del_token", ""), 0)
		c.expect("afterwards", c.get("call/query", ""), 10004)
		c.expect("del_token twice", c.get("del_token", ""), 10004)
		c.expect("refresh afterwards", c.send("POST", "refresh_token", "", `{"refresh_token":"`+second.Refresh+`"}`), 10004)
		last := c.send("POST", "get_token", "", login)
		time.Sleep(24 * time.Hour)
		c.expect("refresh too late", c.send("POST", "refresh_token", "", `{"refresh_token":"`+last.Refresh+`"}`), 10004)
	})
}

// TestEightTokens: the oldest of an application gives way; another application's tokens stay; memory is bounded.
func TestEightTokens(t *testing.T) {
	a := newAPI(t, newDesk())
	c := &client{TB: t, api: a}
	other := c.send("POST", "get_token", "", `{"username":"other","password":"other-secret"}`).Access
	var tokens []string
	for range 20 {
		tokens = append(tokens, c.send("POST", "get_token", "", login).Access)
	}
	for i, token := range append(tokens, other) {
		c.token = token
		want := codeSuccess
		if i < 12 {
			want = codeToken
		}
		c.expect(fmt.Sprint("token ", i), c.get("call/query", ""), want)
	}
	if n := len(a.tokens.byKey); n != 2*9 {
		t.Errorf("%d tokens are kept", n)
	}
}

// TestBlock: five failures shut an address out for a time, whatever it sends then; loopback is let off unless said.
func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, newDesk())
		c := newClient(t, a)
		wrong := `{"username":"app","password":"x"}`
		from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
		for range 4 {
			c.expect("wrong", c.send("POST", "get_token", "", wrong), 40002)
		}
		c.expect("right", c.send("POST", "get_token", "", login), 0)
		for range 5 {
			c.expect("wrong again", c.send("POST", "get_token", "", wrong), 40002)
		}
		c.expect("right, blocked", c.send("POST", "get_token", "", login), 70004)
		c.expect("with a token, blocked", c.get("call/query", ""), 70004)
		c.expect("elsewhere", c.send("POST", "get_token", "", login, from("192.0.2.10:1")), 0)
		time.Sleep(10*time.Minute - 1)
		c.expect("still blocked", c.send("POST", "get_token", "", login), 70004)
		time.Sleep(1)
		c.expect("free", c.send("POST", "get_token", "", login), 0)
		for _, addr := range []string{"127.0.0.1:1", "[::1]:1"} {
			for range 9 {
				c.expect("loopback", c.send("POST", "get_token", "", wrong, from(addr)), 40002)
			}
		}
		for i := range 5 { // one client has a whole /64
			c.send("POST", "get_token", "", wrong, from(fmt.Sprintf("[2001:db8::%d]:1", i)))
		}
		c.expect("neighbour", c.send("POST", "get_token", "", login, from("[2001:db8::ffff]:1")), 70004)
		c.expect("other network", c.send("POST", "get_token", "", login, from("[2001:db8:0:1::1]:1")), 0)
	})
	c := &client{TB: t, api: newAPI(t, newDesk(), func(c *Config) { c.Block = Block{Failures: 1, Loopback: true} })}
	local := func(r *http.Request) { r.RemoteAddr = "[::ffff:127.0.0.1]:1" }
	c.expect("wrong", c.send("POST", "get_token", "", `{"username":"a","password":"b"}`, local), 40002)
	c.expect("blocked", c.send("POST", "get_token", "", login, local), 70004)
}

// TestBlockIsBounded: many addresses do not fill the memory, and the youngest stay blocked.
func TestBlockIsBounded(t *testing.T) {
	b := newBlocklist(Block{Failures: 1, Time: time.Minute})
	now := time.Now()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range 3 * maxAddresses {
		b.failed(at(i), now)
	}
	if len(b.seen) != maxAddresses || len(b.order) != maxAddresses || !b.has(at(3*maxAddresses-1), now) || b.has(at(0), now) {
		t.Errorf("%d seen, %d in order", len(b.seen), len(b.order))
	}
	b.failed(at(0), now.Add(time.Hour))
	if len(b.seen) != 1 || len(b.order) != 1 {
		t.Errorf("%d seen, %d in order after all are over", len(b.seen), len(b.order))
	}
}

// TestSecrets: no answer and no log shows a secret or a token, wherever it strays to.
func TestSecrets(t *testing.T) {
	var log bytes.Buffer
	d := newDesk()
	a := newAPI(t, d, func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	c := newClient(t, a)
	got := c.send("POST", "get_token", "", login)
	d.talking()
	for _, body := range []string{
		login, `{"username":"app-secret","password":"x"}`, `{"type":"app-secret","channel_id":"app-secret"}`,
		`{"type":"blind","channel_id":"` + got.Access + `","number":"app-secret"}`, `{"app-secret":`, `"app-secret"`,
		`{"type":"blind","channel_id":"` + bob + `","number":"2008","dial_permission":"app-secret"}`,
		`{"refresh_token":"` + got.Access + `"}`,
	} {
		for path, e := range endpoints {
			if path == "del_token" || path == "get_token" && body == login {
				continue
			}
			answer := c.send(e.method, path, "access_token="+c.token+"&x=app-secret", body)
			if strings.Contains(answer.body, "app-secret") || strings.Contains(answer.body, got.Access) {
				t.Errorf("%s %s: %s", path, body, answer.body)
			}
		}
	}
	c.send("GET", "app-secret", "", "")
	for _, secret := range []string{"app-secret", got.Access, got.Refresh, c.token} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, &log)
		}
	}
	if !strings.Contains(log.String(), `"application":"app"`) || !strings.Contains(log.String(), `"channel_id":"PJSIP/2005-000000af"`) {
		t.Errorf("the log does not tell who did what:\n%s", &log)
	}
}

// TestClose: requests after it get 503, those that run are waited for, the watch ends.
func TestClose(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	c := newClient(t, a)
	d.talking()
	begun, release := make(chan bool), make(chan bool)
	d.do = func(context.Context) error { close(begun); <-release; return nil }
	done := make(chan reply)
	go func() { done <- c.post("call/hangup", `{"channel_id":"`+bob+`"}`) }()
	<-begun
	closed := make(chan bool)
	go func() { a.Close(); close(closed) }()
	close(release)
	if got := <-done; got.Code != 0 {
		t.Errorf("got %s", got.body)
	}
	<-closed
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/openapi/v1.0/call/query", nil))
	if w.Code != http.StatusServiceUnavailable || len(d.watchers) != 0 {
		t.Errorf("got %d, %d watchers", w.Code, len(d.watchers))
	}
	d.tell(callstate.NoticeEnded, call())
}
