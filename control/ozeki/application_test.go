package ozeki

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// application is one behind HTTP: it keeps what it is told, and answers what its pages say. As a transport it needs no
// socket, so that it can be asked in virtual time.
type application struct {
	mu       sync.Mutex
	told     []told
	page     func(r told) string // what it answers; nil: nothing
	delay    time.Duration       // before each answer
	at, most int                 // requests under way now, and at most
}

// told is one notification.
type told struct {
	url.Values
	path   string // with the query
	header http.Header
	at     time.Time
	raw    string
}

func (t told) name() string { return t.Get("NotificationName") }

func (t told) String() string {
	if state := t.Get("CallState"); state != "" {
		return state
	}
	return t.name()
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil || r.Method != http.MethodPost {
		http.Error(w, "not a form", 400)
		return
	}
	t := told{form, r.URL.RequestURI(), r.Header, time.Now(), string(body)}
	a.mu.Lock()
	a.told = append(a.told, t)
	a.at++
	a.most = max(a.most, a.at)
	page, delay := a.page, a.delay
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.at--
		a.mu.Unlock()
	}()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	if page == nil {
		return
	}
	switch text := page(t); {
	case text == "hang":
		<-r.Context().Done()
	case strings.HasPrefix(text, "status "):
		var code int
		fmt.Sscanf(text, "status %d", &code)
		w.Header().Set("Location", "http://elsewhere.example/")
		w.WriteHeader(code)
	default:
		_, _ = io.WriteString(w, text)
	}
}

// RoundTrip answers as a server would.
func (a *application) RoundTrip(r *http.Request) (*http.Response, error) {
	done := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		done <- w.Result()
	}()
	select {
	case resp := <-done:
		return resp, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// all are the notifications so far, of one name when one is given.
func (a *application) all(name string) (list []told) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.told {
		if name == "" || t.name() == name {
			list = append(list, t)
		}
	}
	return list
}

// of are those of one call and name.
func (a *application) of(id, name string) (list []told) {
	for _, t := range a.all(name) {
		if t.Get("CallId") == id {
			list = append(list, t)
		}
	}
	return list
}

// script is a document with these elements.
func script(elements string) string {
	return `<?xml version="1.0"?> <Response> ` + elements + ` </Response>`
}

// inBubble runs a test in virtual time, over an API that tells an application of everything.
func inBubble(t *testing.T, c Config, test func(t *testing.T, b *switchboard, app *application, a *API)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		app := &application{}
		c := c
		c.Transport = app
		b := newSwitchboard()
		a := newAPI(t, b, c, "Nt3uh", "SdwQD")
		test(t, b, app, a)
		a.Close()
	})
}

const appURL = "http://app.example/"

// expectTold compares what was told of a call, the states by name.
func expectTold(t *testing.T, app *application, id, want string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for _, n := range app.all("") {
		if n.Get("CallId") == id {
			got = append(got, n.String())
		}
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s: told %q, want %q", id, s, want)
	}
}

// TestVector13 is spec ozeki 12, vector 13: the seed's document, returned to CallChanged(Ringing), forwards that call.
func TestVector13(t *testing.T) {
	inBubble(t, Config{Notify: Notify{CallChanged: appURL + "changed?account=7"}}, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = func(r told) string {
			if r.Get("CallState") == "Ringing" && r.Get("Destination") == "101" {
				return `<?xml version="1.0"?> <Response> <ForwardCall Destination="102"></ForwardCall> </Response>`
			}
			return ""
		}
		seedCalls(b)
		synctest.Wait()
		if got := fmt.Sprint(b.requests()); got != fmt.Sprint([]asked{{1, callstate.ForwardCall{Destination: "102"}}}) {
			t.Errorf("asked %s", got)
		}
		expectTold(t, app, "Nt3uh", "Ringing Ringing")
		expectTold(t, app, "SdwQD", "Answered InCall")
		first := app.of("Nt3uh", "CallChanged")[0]
		if want := "NotificationName=CallChanged&CallId=Nt3uh&CallState=Ringing&Source=103&CallerId=103&CallerID=103&Destination=101&" +
			"CallerDialed=101&CalleeDialed=101&StartTime=2019-04-09+10%3A34%3A07&RingDuration=0.749&TalkDuration=0.000"; first.raw != want {
			t.Errorf("got  %s\nwant %s", first.raw, want)
		}
		for name, want := range map[string]string{"Content-Type": formType, "Cache-Control": "no-store,no-cache", "Pragma": "no-cache"} {
			if got := first.header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if first.path != "/changed?account=7" {
			t.Errorf("asked %s", first.path)
		}
	})
}
