package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// answering runs "ringdown answer" and returns its URL and its further lines.
func answering(t *testing.T, args ...string) (at string, lines *bufio.Reader) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var running sync.WaitGroup
	running.Go(func() {
		defer in.Close()
		if code := run(ctx, append([]string{"answer", "--listen", "127.0.0.1:0"}, args...), in, t.Output()); code != exitFine {
			t.Errorf("exit code %d", code)
		}
	})
	t.Cleanup(func() { stop(); go io.Copy(io.Discard, out); running.Wait() })
	lines = bufio.NewReader(out)
	ready, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(ready, "ready: ")
	at, _, _ = strings.Cut(rest, " ")
	return at, lines
}

// tell posts a notification and returns the status and body of the answer, and the line that was printed of it.
func tell(t *testing.T, at string, lines *bufio.Reader, fields ...string) (status int, body, line string) {
	t.Helper()
	f := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		f.Set(fields[i], fields[i+1])
	}
	printed := make(chan string, 1)
	go func() { l, _ := lines.ReadString('\n'); printed <- l }()
	res, err := http.PostForm(at, f)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	select {
	case line = <-printed:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was printed")
	}
	return res.StatusCode, string(b), line
}

// The small application answers with the closest name's script, reads it anew each time, and says when it is broken.
func TestAnswer(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	all, ringing, path := write("all.xml", script("<Hangup/>")), write("ringing.xml", script("<Hold/>")), write("path.xml", script("<Exit/>"))
	at, lines := answering(t, "CallChanged="+all, "CallChanged/Ringing="+ringing, "/press1="+path)
	for _, row := range []struct {
		path   string
		fields []string
		want   string
		line   string
	}{
		{"", []string{"NotificationName", "CallChanged", "CallState", "InCall", "CallId", "Nt3uh"}, script("<Hangup/>"), "/ CallChanged CallId=Nt3uh CallState=InCall -> a script of"},
		{"", []string{"NotificationName", "CallChanged", "CallState", "Ringing"}, script("<Hold/>"), "CallState=Ringing -> a script of"},
		{"press1", []string{"NotificationName", "GoTo"}, script("<Exit/>"), "/press1 GoTo -> a script of"},
		{"", []string{"NotificationName", "IncomingCall", "CallerId", "a\x1b[2Jb"}, "", "CallerId=a?[2Jb -> nothing"},
	} {
		status, body, line := tell(t, at+row.path, lines, row.fields...)
		if status != 200 || body != row.want || !strings.Contains(line, row.line) {
			t.Errorf("%v: %d %q, printed %q", row.fields, status, body, line)
		}
	}
	write("all.xml", "<Response><Hangup>")
	status, _, line := tell(t, at, lines, "NotificationName", "CallChanged", "CallState", "Hold")
	if status != 500 || !strings.Contains(line, "all.xml: ") {
		t.Errorf("a broken script: %d, printed %q", status, line)
	}
	if res, err := http.Get(at); err != nil || res.StatusCode != 400 {
		t.Errorf("a GET is answered with %v %v", res.Status, err)
	}
}

// What cannot work is told at the start.
func TestAnswerRefuses(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.xml"), filepath.Join(dir, "bad.xml")
	for file, text := range map[string]string{good: script("<Hangup/>"), bad: "<Response><Hangup></Response>"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for arg, want := range map[string]string{
		"IncomingCall": "is not NAME=FILE", "=x.xml": "is not NAME=FILE", "Incoming=" + good: "no notification is called",
		"CallChanged/Rinnging=" + good: "no call is in state", "CallChanged/=" + good: "no call is in state", "GoTo/Ringing=" + good: "has no state",
		"IncomingCall=" + bad: "bad.xml: ", "IncomingCall=" + filepath.Join(dir, "none.xml"): "no such file",
	} {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), []string{"answer", arg}, &stdout, &stderr); code != exitFailed || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %q", arg, code, stderr.String())
		}
	}
}
