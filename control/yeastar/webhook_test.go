package yeastar

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/control/delivery"
)

// receiver is a webhook that keeps what it was sent. answers are its HTTP statuses in turn, then 200.
type receiver struct {
	mu      sync.Mutex
	got     []string
	at      []time.Time
	heads   []http.Header
	methods []string
	answers []int
	wait    chan struct{} // when set, every answer waits for it
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	v.mu.Lock()
	v.got, v.heads, v.at = append(v.got, string(body)), append(v.heads, r.Header), append(v.at, time.Now())
	v.methods = append(v.methods, r.Method)
	status := 200
	if len(v.answers) > 0 {
		status, v.answers = v.answers[0], v.answers[1:]
	}
	wait := v.wait
	v.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-r.Context().Done():
		}
	}
	if status == http.StatusFound {
		w.Header().Set("Location", "http://192.0.2.99/elsewhere")
	}
	w.WriteHeader(status)
}

func (v *receiver) bodies() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.got)
}

// RoundTrip lets a receiver be reached without a network, inside a bubble.
func (v *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "hook.example.com" {
		return nil, errors.New("no other host is asked")
	}
	w := httptest.NewRecorder()
	v.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func hooked(v http.RoundTripper, hooks ...Webhook) func(*Config) {
	return func(c *Config) { c.Webhooks, c.Transport, c.Log = hooks, v, nil }
}

const hookURL = "http://hook.example.com/take?key=hidden"

// TestWebhook over a real socket: the signature, the method, the chosen events (spec yeastar-p 6.2).
func TestWebhook(t *testing.T) {
	all, some := &receiver{}, &receiver{}
	servers := []*httptest.Server{httptest.NewServer(all), httptest.NewServer(some)}
	d := newDesk()
	a := newAPI(t, d, func(c *Config) {
		c.Webhooks = []Webhook{{URL: servers[0].URL, Secret: "s3cret"}, {URL: servers[1].URL, Method: "GET", Events: []int{30011}}}
	})
	s := take(a)
	d.talking()
	d.tell(callstate.NoticeEnded, call())
	a.Close() // sends what is queued
	for _, server := range servers {
		server.Close()
	}
	events := s.taken()
	if len(events) != 7 || !slices.Equal(all.bodies(), events) {
		t.Errorf("got\n%s\nof\n%s", strings.Join(all.bodies(), "\n"), strings.Join(events, "\n"))
	}
	if want := []string{events[2], events[3]}; !slices.Equal(some.bodies(), want) {
		t.Errorf("got\n%s", strings.Join(some.bodies(), "\n"))
	}
	for i, h := range all.heads {
		m := hmac.New(sha256.New, []byte("s3cret"))
		io.WriteString(m, events[i])
		if got := h.Get("X-Signature"); got != base64.StdEncoding.EncodeToString(m.Sum(nil)) {
			t.Errorf("signature %q", got)
		}
		if h.Get("Content-Type") != "application/json" || all.methods[i] != "POST" {
			t.Errorf("%s, %v", all.methods[i], h)
		}
	}
	if some.heads[0].Get("X-Signature") != "" || some.methods[0] != "GET" {
		t.Errorf("%s, %v", some.methods[0], some.heads[0])
	}
}

// TestWebhookRetries: what is not taken holds up the events of its call and no others (edge case A10), in the order in
// which they happened.
func TestWebhookRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{answers: []int{500, 503}}
		d := newDesk()
		newAPI(t, d, hooked(v, Webhook{URL: hookURL, Events: []int{30011}}))
		other := call(leg(1, "2010", up, "in", "calling"))
		other.ID, other.Legs[0].ID.Call = 339, 339
		d.talking()
		d.tell(callstate.NoticeEnded, call())
		d.tell(callstate.NoticeAnswered, other)
		time.Sleep(time.Minute)
		answered := callEvent(ext("2000", alice, "ANSWERED"), ext("2005", bob, "ANSWER"))
		ended := callEvent(ext("2000", alice, "BYE"), ext("2005", bob, "BYE"))
		second := told(30011, `{"call_id":"1650029138.339","members":[`+ext("2010", "PJSIP/2010-000000b0", "ANSWERED")+`]}`)
		if want := []string{answered, second, answered, ended, second}; !slices.Equal(v.bodies(), want) {
			t.Errorf("got\n%s", strings.Join(v.bodies(), "\n"))
		}
	})
}

// TestWebhookKeepsItsSecrets: the log names its host, neither its URL nor its secret.
func TestWebhookKeepsItsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		v := &receiver{answers: slices.Repeat([]int{500}, 1000)}
		d := newDesk()
		a := newAPI(t, d, hooked(v, Webhook{URL: hookURL, Secret: "s3cret"}), func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		d.talking()
		time.Sleep(time.Hour)
		a.Close()
		if text := log.String(); !strings.Contains(text, "given up") || !strings.Contains(text, "hook.example.com") ||
			strings.Contains(text, "hidden") || strings.Contains(text, "s3cret") {
			t.Errorf("log: %s", text)
		}
	})
}

// TestWebhookStops: a receiver that never answers does not hold up the stop for longer than a moment.
func TestWebhookStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{wait: make(chan struct{})}
		down := &receiver{answers: slices.Repeat([]int{500}, 100)}
		d := newDesk()
		a := newAPI(t, d, hooked(v, Webhook{URL: hookURL}))
		b := newAPI(t, d, hooked(down, Webhook{URL: hookURL}))
		d.talking()
		time.Sleep(time.Second / 2)
		start := time.Now()
		a.Close()
		if took := time.Since(start); took != delivery.LastWords {
			t.Errorf("the stop took %v", took)
		}
		b.Close()
		if took := time.Since(start); took != delivery.LastWords {
			t.Errorf("the stop took %v", took)
		}
	})
}

// TestWebhookTimesOut: an answer that does not come is a failure after ten seconds.
func TestWebhookTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{wait: make(chan struct{})}
		d := newDesk()
		newAPI(t, d, hooked(v, Webhook{URL: hookURL, Events: []int{30011}}))
		d.talking()
		time.Sleep(12 * time.Second)
		v.mu.Lock()
		defer v.mu.Unlock()
		if len(v.at) != 2 || v.at[1].Sub(v.at[0]) != delivery.Timeout+time.Second {
			t.Errorf("tries at %v", v.at)
		}
	})
}

func TestConfigFaults(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Calls is missing":                        func(c *Config) { c.Calls = nil },
		"negative":                                func(c *Config) { c.Timeout = -1 },
		"lives shorter":                           func(c *Config) { c.Tokens.Refresh = time.Minute },
		"applications[1]: client_id is empty":     func(c *Config) { c.Applications[1].ClientID = "" },
		"is there twice":                          func(c *Config) { c.Applications[1].ClientID = "app" },
		"applications[0]: client_secret is":       func(c *Config) { c.Applications[0].ClientSecret = "" },
		"6 webhooks, at most 5":                   func(c *Config) { c.Webhooks = slices.Repeat([]Webhook{{URL: "http://a"}}, 6) },
		"webhooks[0]: url is neither http://":     func(c *Config) { c.Webhooks = []Webhook{{URL: "file:///etc/passwd"}} },
		"webhooks[0]: url cannot be read":         func(c *Config) { c.Webhooks = []Webhook{{URL: "http://s3cret\x00"}} },
		"webhooks[0]: url names no host":          func(c *Config) { c.Webhooks = []Webhook{{URL: "http:///x"}} },
		"webhooks[0]: method is neither POST nor": func(c *Config) { c.Webhooks = []Webhook{{URL: "http://a", Method: "PUT"}} },
	} {
		c := Config{Calls: newDesk(), Applications: []Application{{"app", "s3cret"}, {"b", "s3cret"}}}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
