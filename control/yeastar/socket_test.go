package yeastar

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"ringdown/callstate"
)

// pipes is a listener in memory, for virtual time.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8088} }

// inMemory serves an API on pipes, inside a bubble.
func inMemory(t *testing.T, a *API) *http.Client {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: a}
	go server.Serve(p)
	client := &http.Client{Transport: &http.Transport{DialContext: p.dial}}
	t.Cleanup(func() { a.Close(); server.Close(); client.CloseIdleConnections() })
	return client
}

// open connects with a token, and subscribes.
func open(t *testing.T, client *http.Client, host, token string, topics string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+host+"/openapi/v1.0/subscribe?access_token="+token, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	if topics != "" {
		say(t, conn, `{"topic_list":`+topics+`}`)
		hears(t, conn, `{"errcode":0,"errmsg":"SUCCESS"}`)
	}
	return conn
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hears(t *testing.T, conn *websocket.Conn, want string) {
	t.Helper()
	kind, text, err := conn.Read(t.Context())
	if err != nil || kind != websocket.MessageText || string(text) != want {
		t.Fatalf("got %v %s, %v; want %s", kind, text, err, want)
	}
}

// ends waits for the end and checks how it was told.
func ends(t *testing.T, conn *websocket.Conn, code websocket.StatusCode, why string) {
	t.Helper()
	for {
		_, _, err := conn.Read(t.Context())
		if err == nil {
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code || closed.Reason != why {
			t.Fatalf("got %v, want %v %q", err, code, why)
		}
		return
	}
}

// TestSubscribe talks over a real socket (spec yeastar-p 6.1).
func TestSubscribe(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d)
	token := newClient(t, a).token
	server := httptest.NewServer(a)
	defer server.Close()
	conn := open(t, server.Client(), server.Listener.Addr().String(), token, "")
	d.talking() // nobody hears of it before a topic_list
	say(t, conn, "heartbeat")
	hears(t, conn, "heartbeat response")
	say(t, conn, " heartbeat\n")
	hears(t, conn, "heartbeat response")
	for text, code := range map[string]errcode{
		`{"topic_list":[30011`: 40001, `Heartbeat`: 40001, `"heartbeat"`: 40001, `[30011]`: 40001, `{"topic_list":"30011"}`: 40001,
		`{}`: 40002, `{"topic_list":null}`: 40002, `{"topic_list":["x"]}`: 40002, `{"topic_list":[1.5]}`: 40002,
		`{"topic_list":[` + strings.Repeat("1,", maxTopics) + `1]}`: 40002,
	} {
		say(t, conn, text)
		hears(t, conn, fmt.Sprintf(`{"errcode":%d,"errmsg":"%s"}`, code, messages[code]))
	}
	say(t, conn, `{"topic_list":["30008"]}`)
	hears(t, conn, `{"errcode":0,"errmsg":"SUCCESS"}`)
	d.tell(callstate.NoticeEnded, call())
	hears(t, conn, presenceEvent("2000", "Idle"))
	hears(t, conn, presenceEvent("2005", "Idle"))
	say(t, conn, `{"topic_list":[30011]}`) // replaces the list
	hears(t, conn, `{"errcode":0,"errmsg":"SUCCESS"}`)
	d.talking()
	again := callEvent(ext("2000", alice, "ANSWERED"), ext("2005", bob, "ANSWER"))
	hears(t, conn, strings.Replace(again, "1650029138.338", "1650029138.339", 1))
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("x")); err != nil {
		t.Fatal(err)
	}
	hears(t, conn, `{"errcode":40001,"errmsg":"PARAMETER SYNTAX ERROR"}`)
	say(t, conn, strings.Repeat("x", maxFrame+1))
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("a frame too long: got %v", err)
	}
}

// TestSubscribeRefused: what WebSocket clients look at is the HTTP status, so here it tells.
func TestSubscribeRefused(t *testing.T) {
	a := newAPI(t, newDesk())
	token := newClient(t, a).token
	server := httptest.NewServer(a)
	defer server.Close()
	url := "ws://" + server.Listener.Addr().String() + "/openapi/v1.0/subscribe?access_token="
	dial := func(token string) (*websocket.Conn, int) {
		conn, resp, err := websocket.Dial(t.Context(), url+token, nil)
		if err == nil {
			t.Cleanup(func() { conn.CloseNow() })
		}
		if resp == nil {
			t.Fatal(err)
		}
		return conn, resp.StatusCode
	}
	for _, bad := range []string{"", "x", token + "x"} {
		if _, status := dial(bad); status != 401 {
			t.Errorf("token %q: HTTP %d", bad, status)
		}
	}
	resp, err := http.Get(strings.Replace(url, "ws://", "http://", 1) + token)
	if err != nil || resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("plain GET: %v, %v", resp, err)
	}
	for range maxSockets {
		if _, status := dial(token); status != 101 {
			t.Fatalf("HTTP %d", status)
		}
	}
	if _, status := dial(token); status != 503 {
		t.Errorf("one too many: HTTP %d", status)
	}
}

// TestSocketEnds: by silence, by the end of the token in each way, and by the stop of the server.
func TestSocketEnds(t *testing.T) {
	for name, row := range map[string]struct {
		life time.Duration
		end  func(a *API, c *client)
		code websocket.StatusCode
		why  string
		at   time.Duration
	}{
		"idle":    {0, func(*API, *client) {}, websocket.StatusPolicyViolation, "60 s without any traffic", 60 * time.Second},
		"expired": {30 * time.Second, func(*API, *client) {}, websocket.StatusPolicyViolation, "the token expired", 30 * time.Second},
		"deleted": {0, func(_ *API, c *client) { c.get("del_token", "") }, websocket.StatusPolicyViolation, "the token was revoked", 0},
		"pushed out": {0, func(_ *API, c *client) {
			for range 8 {
				c.send("POST", "get_token", "", login)
			}
		}, websocket.StatusPolicyViolation, "the token was revoked", 0},
		"stop": {0, func(a *API, _ *client) { go a.Close() }, websocket.StatusGoingAway, "the server is stopping", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, newDesk(), func(c *Config) { c.Tokens.Access = row.life })
				c := newClient(t, a)
				start := time.Now()
				conn := open(t, inMemory(t, a), "switch", c.token, "[30011]")
				row.end(a, c)
				ends(t, conn, row.code, row.why)
				if took := time.Since(start); took != row.at {
					t.Errorf("ended after %v", took)
				}
			})
		})
	}
}

// TestSocketCloseIsShort: a client that does not answer the close does not hold up the stop.
func TestSocketCloseIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, newDesk())
		open(t, inMemory(t, a), "switch", newClient(t, a).token, "[30011]")
		start := time.Now()
		a.Close()
		if took := time.Since(start); took != closeTime {
			t.Errorf("the stop took %v", took)
		}
	})
}

// TestSocketLives as long as there is traffic: heartbeats, pings or events.
func TestSocketLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		a := newAPI(t, d, func(c *Config) { c.Tokens.Access = time.Hour })
		conn := open(t, inMemory(t, a), "switch", newClient(t, a).token, "[30008]")
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		texts := make(chan string, 10)
		go func() {
			for {
				_, text, err := conn.Read(ctx)
				if err != nil {
					close(texts)
					return
				}
				texts <- string(text)
			}
		}()
		for range 20 {
			time.Sleep(55 * time.Second)
			say(t, conn, "heartbeat")
			time.Sleep(55 * time.Second)
			if err := conn.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(55 * time.Second)
			d.talking()
			d.tell(callstate.NoticeEnded, call())
			synctest.Wait()
			for range 5 { // a heartbeat response and four events
				if _, open := <-texts; !open {
					t.Fatal("closed")
				}
			}
		}
		time.Sleep(60 * time.Second)
		if text, open := <-texts; open {
			t.Errorf("still open: %s", text)
		}
	})
}

// TestStuckSubscriber: a client whose connection takes nothing more is cut off soon after it is too late with its events,
// or the server stops, and not only when the write runs into its own time-out; one that reads again is told why.
func TestStuckSubscriber(t *testing.T) {
	overflow := func(_ *API, d *desk) {
		for range socketQueue/4 + gatherMost { // each call makes four events
			d.talking()
			d.tell(callstate.NoticeEnded, call())
		}
	}
	for name, row := range map[string]struct {
		end    func(*API, *desk)
		again  bool
		code   websocket.StatusCode
		why    string
		within time.Duration
	}{
		"slow":           {overflow, false, 0, "", closeTime},
		"slow for once":  {overflow, true, websocket.StatusTryAgainLater, errSlow.Error(), 0},
		"stop":           {func(a *API, _ *desk) { go a.Close() }, false, 0, "", closeTime},
		"stop, for once": {func(a *API, _ *desk) { go a.Close() }, true, websocket.StatusGoingAway, errStopping.Error(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk()
				a := newAPI(t, d)
				conn := open(t, inMemory(t, a), "switch", newClient(t, a).token, "[30008]")
				conn.SetReadLimit(1 << 20)
				d.talking()
				time.Sleep(time.Second) // a write runs now, and the pipe takes nothing
				start := time.Now()
				row.end(a, d)
				if row.again {
					ends(t, conn, row.code, row.why)
				}
				for a.sockets.Load() > 0 {
					time.Sleep(time.Millisecond)
				}
				if took := time.Since(start); took > row.within+5*gatherTime {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestSlowSubscriber: a client that does not read is cut off; calls do not wait for it, others get every event in order.
func TestSlowSubscriber(t *testing.T) {
	d := newDesk()
	a := newAPI(t, d, func(c *Config) { c.Log = nil })
	token := newClient(t, a).token
	server := httptest.NewServer(a)
	defer server.Close()
	host := server.Listener.Addr().String()
	slow := open(t, server.Client(), host, token, "[30011]")
	good := open(t, server.Client(), host, token, "[30011]")
	good.SetReadLimit(1 << 20)
	slow.SetReadLimit(1 << 20)
	// Large events, so that what the kernel takes for the slow client is soon full.
	crowd := call()
	for n := range uint32(25) {
		crowd.Legs = append(crowd.Legs, leg(n+1, "2000", up))
	}
	const rounds = 2500
	var reading sync.WaitGroup
	heard := make(chan struct{}, 2*rounds)
	reading.Go(func() {
		for i := range 2 * rounds {
			_, text, err := good.Read(t.Context())
			if err != nil || strings.Contains(string(text), "BYE") != (i%2 == 1) {
				t.Errorf("event %d: %v %.200s", i, err, text)
				return
			}
			heard <- struct{}{}
		}
	})
	for i := range rounds {
		d.tell(callstate.NoticeAnswered, crowd)
		d.tell(callstate.NoticeEnded, crowd)
		if i%100 == 0 { // a reader cannot be faster than a loop that does nothing else
			for len(heard) < 2*i {
				time.Sleep(time.Millisecond)
			}
		}
	}
	reading.Wait()
	for deadline := time.Now().Add(20 * time.Second); a.sockets.Load() > 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the slow client is still there")
		}
	}
}
