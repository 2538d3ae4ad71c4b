package ozeki

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ringdown/callstate"
)

func TestPathsAndMethods(t *testing.T) {
	a := newAPI(t, newSwitchboard(), Config{})
	for _, row := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"GET", "/api", 200, "<Code>200"}, {"POST", "/api", 200, "<Code>200"}, {"GET", "/", 200, "<Code>200"},
		{"GET", "/apis", 404, "/api?command="}, {"GET", "/api/x", 404, "/api?command="}, {"PUT", "/x", 404, "/api?command="},
		{"PUT", "/api", 405, "Use GET /api?command="}, {"HEAD", "/api", 405, "Use GET"}, {"DELETE", "/", 405, "POST"},
	} {
		r := httptest.NewRequest(row.method, row.path+"?command=ListActiveCalls"+login, nil)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != row.status || !strings.Contains(w.Body.String(), row.says) || w.Header().Get("Server") != "ringdown" {
			t.Errorf("%s %s: got %d %s", row.method, row.path, w.Code, w.Body)
		}
		if row.status == 405 && w.Header().Get("Allow") != "GET, POST" {
			t.Errorf("Allow: %q", w.Header().Get("Allow"))
		}
	}
}

// TestMalformed: every way to send what cannot be read is a 300, and none repeats what was sent.
func TestMalformed(t *testing.T) {
	a := newAPI(t, newSwitchboard(), Config{})
	list := "command=ListActiveCalls" + login
	long := list + "&x=" + strings.Repeat("y", maxForm)
	for _, row := range []struct{ name, query, body, kind, why string }{
		{"value", "command=%zz" + login, "", "", "invalid percent-encoding"},
		{"name", "command=Hold&Pass%word=qwe123", "", "", "invalid percent-encoding"},
		{"cut", "command=Hold&Password=qwe123%2", "", "", "invalid percent-encoding"},
		{"UTF-8", list + "&x=%ff", "", "", "invalid UTF-8"},
		{"UTF-8 in a name", list + "&%c3=x", "", "", "invalid UTF-8"},
		{"body", "", list + "&x=%", formType, "invalid percent-encoding"},
		{"long query", long, "", "", "the query is longer than 65536 bytes"},
		{"long body", "", long, formType, "the body is broken off or longer than 65536 bytes"},
		{"many", list + strings.Repeat("&a=b", maxParams), "", "", "more than 256 parameters"},
		{"JSON", "", `{"command":"Hold","Password":"qwe123"}`, "application/json", "the body is not " + formType},
		{"odd type", "", list, ";;", "the body is not " + formType},
	} {
		t.Run(row.name, func(t *testing.T) {
			method := http.MethodPost
			if row.body == "" {
				method = http.MethodGet
			}
			got := xmlBody(t, serve(a, method, row.query, row.body, row.kind))
			expect(t, got, 300, "Error occured during parsing message: '"+row.why+"'")
		})
	}
	for _, kind := range []string{"", "application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-URLencoded"} {
		if got := xmlBody(t, serve(a, http.MethodPost, "", list, kind)); !strings.Contains(got, "<Code>200") {
			t.Errorf("%q: got %s", kind, got)
		}
	}
	// The type of a body that is not there does not matter.
	if got := xmlBody(t, serve(a, http.MethodPost, list, "", "text/plain")); !strings.Contains(got, "<Code>200") {
		t.Errorf("got %s", got)
	}
}

// TestSecrets: wherever the password strays to, no answer and no log shows it.
func TestSecrets(t *testing.T) {
	var log bytes.Buffer
	b := newSwitchboard()
	a := newAPI(t, b, Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}, "Nt3uh", "SdwQD")
	seedCalls(b)
	for _, query := range []string{
		"command=ListActiveCalls" + login,
		"command=ListActiveCalls&Username=HTTP_User_1&Password=qwe124",
		"command=qwe123", "command=qwe123" + login, "command=Foo%26Password=qwe123" + login,
		"command=Foo%26Password=qwe123", "command=Foo&Username=qwe123&Password=x",
		"command=Hold&CallId=qwe123" + login, "command=Hold&CallId=x%26Password%3Dqwe123" + login,
		"command=Hold&CallId=xqwe123y" + login, "command=Hold&CallId=x%26password%253Dother99" + login,
		"command=Hold;Password=qwe123", "command=Hold&Password=qwe123%",
		"command=ForwardCall&CallId=Nt3uh&Destination=qwe123%26" + login,
	} {
		for _, body := range []string{get(t, a, query), post(t, a, "", query)} {
			if strings.Contains(body, "qwe123") || strings.Contains(body, "other99") {
				t.Errorf("%s: %s", query, body)
			}
		}
	}
	if s := log.String(); strings.Contains(s, "qwe12") || strings.Contains(s, "other99") {
		t.Error(s)
	}
}

// TestEcho: a text that comes back is bounded, and readable although a short password happens to be in it.
func TestEcho(t *testing.T) {
	long := strings.Repeat("ű", maxEcho)
	for _, row := range []struct{ password, text, want string }{
		{"qwe123", long, long}, {"qwe123", long + "x", long + "…"}, {"1", "a1b", "a1b"}, {"1", "1", "***"},
		{"", "abc", "abc"}, {"qwe123", "qwe123qwe123", "******"}, {"x", "PassWord : y z", "PassWord=***"},
		{"x", "ResetPassword", "ResetPassword"},
	} {
		if got := (&params{password: row.password}).echo(row.text); got != row.want {
			t.Errorf("%q: got %q, want %q", row.text, got, row.want)
		}
	}
}

// TestLog: one line per command.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{}
		}
		return a
	}
	b := newSwitchboard()
	a := newAPI(t, b, Config{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: drop}))}, "Nt3uh", "SdwQD")
	seedCalls(b)
	for _, query := range []string{
		"command=forward&CallId=Nt3uh&Destination=104" + login,
		"command=Unhold&CallId=SdwQD" + login,
		"command=Hold&CallId=x%0ay" + login,
		"command=Foo" + login,
		"command=Foo&Username=eve&Password=x",
	} {
		get(t, a, query)
	}
	want := `level=INFO msg="ozeki command" command=ForwardCall code=200 user=HTTP_User_1 remote=192.0.2.9:1234 call_id=Nt3uh call=1
level=INFO msg="ozeki command" command=Unhold code=303 user=HTTP_User_1 remote=192.0.2.9:1234 call_id=SdwQD call=2 reason="wrong state: it is in call"
level=INFO msg="ozeki command" command=Hold code=601 user=HTTP_User_1 remote=192.0.2.9:1234 call_id="x\ny"
level=INFO msg="ozeki command" command=Foo code=301 user=HTTP_User_1 remote=192.0.2.9:1234
level=INFO msg="ozeki command" command="" code=305 user="" remote=192.0.2.9:1234
`
	if log.String() != want {
		t.Errorf("got\n%s\nwant\n%s", log.String(), want)
	}
}

// TestClientGoes is edge case A5: the client hangs up in the middle; its command does not notice.
func TestClientGoes(t *testing.T) {
	b := newSwitchboard()
	started, release, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	b.do = func(ctx context.Context) error {
		close(started)
		<-release
		result <- ctx.Err()
		return nil
	}
	a := newAPI(t, b, Config{}, "AAAAAA")
	b.start(callstate.Summary{ID: 1, State: callstate.ShownInCall})
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { close(gone) })
		a.ServeHTTP(w, r)
	}))
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api?command=Hold&CallId=AAAAAA"+login, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-started; leave() }()
	if resp, err := server.Client().Do(r); err == nil {
		resp.Body.Close()
		t.Fatal("the client got an answer")
	}
	<-gone
	close(release)
	if err := <-result; err != nil {
		t.Errorf("the command was told: %v", err)
	}
}

// TestClose waits for what runs, refuses what comes, and watches no more.
func TestClose(t *testing.T) {
	b := newSwitchboard()
	started, release, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b.do = func(context.Context) error { close(started); <-release; return nil }
	a := newAPI(t, b, Config{}, "AAAAAA")
	b.start(callstate.Summary{ID: 1, State: callstate.ShownInCall})
	got := make(chan *http.Response, 1)
	go func() { got <- serve(a, "GET", "command=Hold&CallId=AAAAAA"+login, "", "") }()
	<-started
	go func() { a.Close(); close(closed) }()
	select {
	case <-closed:
		t.Error("closed while a command runs")
	default:
	}
	close(release)
	expect(t, xmlBody(t, <-got), 200, done)
	<-closed
	if resp := serve(a, "GET", "command=ListActiveCalls"+login, "", ""); resp.StatusCode != 503 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if len(b.watchers) != 0 {
		t.Error("it still watches")
	}
	a.Close()
}

func TestValidate(t *testing.T) {
	err := Config{Timeout: -1, Users: []User{{"", "s3cret"}, {"a", ""}, {"a", "s3cret"}}}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 4 || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

// TestValidateApplications: each fault by name, no URL repeated.
func TestValidateApplications(t *testing.T) {
	c := Config{Calls: newSwitchboard(), Notify: Notify{CallChanged: "app.example", Routing: "ftp://app.example", Error: "http://%zz", Timeout: -1},
		Extensions: []Extension{{Number: "1 2"}, {Number: "9990", URL: "http:///s3cret"}, {Number: "9990"}}}
	err := c.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 6 || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "app.example") {
		t.Errorf("got %v", err)
	}
}

// FuzzRequest: whatever is sent, the answer is HTTP 200 with XML and a documented code, and what was decoded decodes
// to the same again.
func FuzzRequest(f *testing.F) {
	f.Add("command=ListActiveCalls"+login, "")
	f.Add("command=ForwardCall&CallId=Nt3uh&Destination=104"+login, "")
	f.Add("", "command=SendDTMF&CallId=SdwQD&Party=caller&Keys=01234"+login)
	f.Add("command=Call&Dialed=101&ResponseOzML=%3CResponse/%3E"+login, "")
	f.Add("command=Record&CallId=SdwQD&RecordPath=a/b&Duration=5&FinishedUrl=http://app.example/"+login, "Party=caller")
	f.Add("command=%3cb%3e%00%26"+login, "")
	f.Add("command=Foo&Password=%zz", "a;b")
	f.Add("=&&=x&%3d=%26&a=b=c", "\xff=\xfe")
	codes := map[int]bool{200: true, 300: true, 301: true, 302: true, 303: true, 304: true, 305: true, 401: true, 601: true}
	f.Fuzz(func(t *testing.T, query, body string) {
		b := newSwitchboard()
		a := newAPI(t, b, Config{}, "Nt3uh", "SdwQD")
		seedCalls(b)
		for _, got := range []string{get(t, a, query), post(t, a, query, body)} {
			if v := parse(t, got); !codes[v.Code] {
				t.Errorf("code %d in %s", v.Code, got)
			}
			wellFormed(t, got)
		}
		p, err := decode(query, body)
		if err != nil {
			return
		}
		again := url.Values{"password": {p.password}}
		for name, value := range p.values {
			again.Set(name, value)
		}
		q, err := decode(again.Encode(), "")
		if err != nil && len(again.Encode()) <= maxForm {
			t.Fatal(err)
		}
		if err == nil && (len(q.values) != len(p.values) || q.password != p.password) {
			t.Errorf("%v became %v", p, q)
		}
		for name, value := range p.values {
			if err == nil && q.values[name] != value {
				t.Errorf("%q: %q became %q", name, value, q.values[name])
			}
		}
	})
}
