package ozeki

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"testing/fstest"
)

// folderOf is a media folder.
func folderOf(files map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, content := range files {
		fs[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fs
}

// recorded tells that the file which a request named is complete.
func recorded(b *switchboard, a *API, call callstate.CallID, long time.Duration, fail string) (file string) {
	for _, r := range b.requests() {
		if rec, ok := r.req.(callstate.Record); ok && r.call == call {
			file = rec.File
		}
	}
	a.Recorded(file, long, fail)
	return file
}

var fileName = regexp.MustCompile(`^recordings/(box/)?Nt3uh-20190409-110000-[0-9A-Za-z]{16}\.wav$`)

// TestRecordMessage is a mailbox: an API extension records until a key, its application is told, and what it answers runs
// before the call ends.
func TestRecordMessage(t *testing.T) {
	c := ivr(&studio{})
	c.Files, c.Public = folderOf(nil), "http://pbx.example:9509/"
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{
			"IncomingCall":    script(`<Record FinishedUrl="done" FinishDigits="12" Format="mp3" Duration="60" Inactivity="5" RecordPath="box/" Party="nobody"> </Record>`),
			"RecordCompleted": script(`<Speak>Thank you</Speak>`),
		})
		b.ring(7, "9990")
		time.Sleep(3 * time.Second)
		b.press(7, "9")
		time.Sleep(time.Second)
		expectRequests(t, b, 7, "AcceptLeg, Record")
		req := b.requests()[1].req.(callstate.Record)
		if !fileName.MatchString(req.File) || req.Of != callstate.All || !req.Wait || req.Limit != time.Minute || req.Silence != 5*time.Second {
			t.Errorf("asked %+v", req)
		}
		b.press(7, "2")
		synctest.Wait()
		expectRequests(t, b, 7, "AcceptLeg, Record, StopRecord")
		file := recorded(b, a, 7, 4500*time.Millisecond, "")
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "AcceptLeg, Record, StopRecord, Thank you to all, EndLeg")
		done := app.all("RecordCompleted")
		address := url.QueryEscape("http://pbx.example:9509/" + file)
		if want := "NotificationName=RecordCompleted&CallId=Nt3uh&RecordURL=" + address + "&RecordUrl=" + address + "&Duration=4.500&Format=wav"; len(done) != 1 || done[0].raw != want {
			t.Errorf("told %v\nwant %s", done, want)
		}
		a.Recorded(file, time.Second, "") // once is enough
		a.Recorded("recordings/other.wav", time.Second, "")
		expectTold(t, app, "Nt3uh", "Ringing IncomingCall Answered InCall RecordCompleted Completed")
		expectErrors(t, app)
	})
}

// TestRecordEndsWithTheCall: what was recorded is told all the same; a script for it comes too late (edge case A13).
func TestRecordEndsWithTheCall(t *testing.T) {
	c := ivr(&studio{})
	c.Files = folderOf(nil)
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		tries := 0
		app.page = func(r told) string {
			switch r.name() {
			case "IncomingCall":
				return script(`<Record FinishedUrl="done"/><Beep/>`)
			case "RecordCompleted": // the third time it is taken
				if tries++; tries < finalTries {
					return "status 503"
				}
				return script("<Beep/>")
			}
			return ""
		}
		b.ring(7, "9990")
		time.Sleep(3 * time.Second)
		b.end(7)
		synctest.Wait()
		recorded(b, a, 7, time.Second, "")
		time.Sleep(time.Minute)
		expectRequests(t, b, 7, "AcceptLeg, Record")
		if got := app.all("RecordCompleted"); len(got) != finalTries || got[2].at.Sub(got[0].at) != 3*firstGap {
			t.Errorf("told %v", got)
		}
		expectErrors(t, app)
	})
}

// TestRecordConversation over the URL: it goes on, one at a time; limits are an API extension's.
func TestRecordConversation(t *testing.T) {
	c := ivr(&studio{})
	c.Files = folderOf(nil)
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"RecordCompleted": script("<Hold/>")})
		b.start(conversation(7, callstate.ShownInCall))
		query := "command=Record&CallId=Nt3uh&Duration=5&Inactivity=5&FinishDigits=1&FinishedURL=http://app.example/done" + login
		expect(t, get(t, a, query), 200, done)
		expect(t, get(t, a, query), 303, "Command 'Record' cannot be used here")
		req := b.requests()[0].req.(callstate.Record)
		if !fileName.MatchString(req.File) || (req != callstate.Record{Of: callstate.All, File: req.File}) {
			t.Errorf("asked %+v", req)
		}
		expect(t, get(t, a, "command=StopRecord&CallId=Nt3uh"+login), 200, done)
		recorded(b, a, 7, time.Minute, "")
		expectRequests(t, b, 7, "Record, StopRecord, Hold")
		expect(t, get(t, a, query+"&Party=Caller"), 200, done)
		recorded(b, a, 7, 0, "the disk is full")
		expectErrors(t, app, "303 Command 'Record' cannot be used here: the disk is full")
		if len(a.recordings.list) != 0 || len(app.all("RecordCompleted")) != 1 {
			t.Errorf("left %v, told %v", a.recordings.list, app.all("RecordCompleted"))
		}
		for _, path := range []string{"../x", "/etc", "a/../b", "a//b", ".hidden", "a/.b", "C:x", "a%5cb", "a%00"} {
			expect(t, get(t, a, query+"&RecordPath="+path), 302, "Missing or invalid parameter 'RecordPath' for command 'Record'")
		}
	})
}

// TestRecordNowhere: without a media folder nothing is recorded.
func TestRecordNowhere(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{}, "Nt3uh")
	b.start(conversation(7, callstate.ShownInCall))
	expect(t, get(t, a, "command=Record&CallId=Nt3uh"+login), 303, "Command 'Record' cannot be used here")
}

// TestDownload: a recording goes to users of the API, whole or in part, and nothing else of the media folder to anybody.
func TestDownload(t *testing.T) {
	const name = "/recordings/Nt3uh-20190409-110000-0123456789abcdef.wav"
	a := newAPI(t, newSwitchboard(), Config{Files: folderOf(map[string]string{
		name[1:]: "RIFF0123456789", "recordings/box/a.wav": "RIFF", "hello.wav": "private", "recordings/secret.txt": "private", "recordings/.a.wav": "private",
	})})
	ask := func(method, path, query string, set func(*http.Request)) (*http.Response, string) {
		r := httptest.NewRequest(method, "http://pbx.example/", nil)
		r.URL = &url.URL{Path: path, RawQuery: query}
		if set != nil {
			set(r)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w.Result(), w.Body.String()
	}
	basic := func(r *http.Request) { r.SetBasicAuth(userName, userSecret) }
	for _, row := range []struct {
		method, path, query string
		set                 func(*http.Request)
		code                int
		body                string
	}{
		{"GET", name, login[1:], nil, 200, "RIFF0123456789"},
		{"GET", name, "", basic, 200, "RIFF0123456789"},
		{"POST", name, "", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(login[1:]))
			r.Header.Set("Content-Type", formType)
		}, 200, "RIFF0123456789"},
		{"HEAD", name, "", basic, 200, ""},
		{"GET", name, "", func(r *http.Request) { basic(r); r.Header.Set("Range", "bytes=4-6") }, 206, "012"},
		{"GET", "/recordings/box/a.wav", "", basic, 200, "RIFF"},
		{"GET", name, "", nil, 401, ""},
		{"GET", name, "Username=admin&Password=wrong", nil, 401, ""},
		{"GET", name, "", func(r *http.Request) { r.SetBasicAuth(userName, "") }, 401, ""},
		{"GET", "/recordings/missing.wav", "", nil, 401, ""},
		{"GET", "/recordings/missing.wav", "", basic, 404, ""},
		{"GET", "/recordings/", "", basic, 404, ""},
		{"GET", "/recordings/box", "", basic, 404, ""},
		{"GET", "/recordings/secret.txt", "", basic, 404, ""},
		{"GET", "/recordings/.a.wav", "", basic, 404, ""},
		{"GET", "/recordings/../hello.wav", "", basic, 404, ""},
		{"GET", "/recordings/..\\hello.wav", "", basic, 404, ""},
		{"GET", "/hello.wav", "", basic, 404, ""},
		{"PUT", name, "", basic, 405, ""},
	} {
		resp, body := ask(row.method, row.path, row.query, row.set)
		if resp.StatusCode != row.code || row.code < 300 && body != row.body || strings.Contains(body, "private") {
			t.Errorf("%s %s: got %d %q", row.method, row.path, resp.StatusCode, body)
		}
		h := resp.Header
		if row.code < 300 && (h.Get("Content-Type") != "audio/wav" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: %v", row.path, h)
		}
		if (row.code == 401) != (h.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %v", row.path, h)
		}
	}
}

// patient is an answer whose deadline can be moved.
type patient struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (p *patient) SetWriteDeadline(t time.Time) error { p.until = t; return nil }

// TestLongDownload: a recording may take longer than other answers.
func TestLongDownload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, newSwitchboard(), Config{Files: folderOf(map[string]string{"recordings/a.wav": "RIFF"})})
		w := &patient{ResponseRecorder: httptest.NewRecorder()}
		a.ServeHTTP(w, httptest.NewRequest("GET", "/recordings/a.wav?"+login[1:], nil))
		if w.Code != 200 || w.until != time.Now().Add(downloadTime) {
			t.Errorf("got %d, until %v", w.Code, w.until)
		}
		a.Close()
	})
}
