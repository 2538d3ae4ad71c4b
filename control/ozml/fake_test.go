package ozml

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a call in virtual time that writes down what a script does to it, each line with its time. A text is spoken for
// one second, a file plays for ten, a beep for half a
// second; a recording takes five.
type fake struct {
	t       testing.TB
	start   time.Time
	keys    *Keys
	ext     bool
	answers map[string]string  // by URL; one that is not there cannot be reached
	ends    map[string]Outcome // of commands, by name
	log     []string
}

func (f *fake) say(format string, args ...any) {
	f.log = append(f.log, fmt.Sprintf("%v ", time.Since(f.start))+fmt.Sprintf(format, args...))
}

func (f *fake) Extension() bool { return f.ext }
func (f *fake) Keys() *Keys     { return f.keys }
func (f *fake) Report(x Fault)  { f.say("fault %d %s", x.Code, x.Message) }

func (f *fake) Command(ctx context.Context, c Command) Outcome {
	line := c.Name
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		line += fmt.Sprintf(" %s=%s", name, c.Params[name])
	}
	f.say("%s", line)
	long := map[string]time.Duration{"Speak": time.Second, "Play": 10 * time.Second, "Beep": time.Second / 2, "Record": 5 * time.Second}[c.Name]
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return f.ends[c.Name]
	case <-ctx.Done():
		f.say("%s is cut short", c.Name)
		return Outcome{Fault: &Fault{Code: 303, Message: ctx.Err().Error()}}
	}
}

func (f *fake) Fetch(ctx context.Context, ask Ask) (*Script, *Fault) {
	line := ask.Notification + " " + ask.URL
	for _, name := range slices.Sorted(maps.Keys(ask.Extra)) {
		line += fmt.Sprintf(" %s=%s", name, ask.Extra[name])
	}
	if ask.From != "" {
		line += " from " + ask.From
	}
	f.say("%s", line)
	answer, there := f.answers[ask.URL]
	if !there {
		return nil, &Fault{Code: 302, Message: "no answer"}
	}
	s, err := Parse([]byte(answer))
	if err != nil {
		return nil, &Fault{Code: 300, Message: err.Error()}
	}
	if s != nil {
		s.URL = ask.URL
	}
	return s, nil
}

// press presses keys at their times: "2s 1, 2.5s 23".
func (f *fake) press(ctx context.Context, when string) {
	if when == "" {
		return
	}
	for at := range strings.SplitSeq(when, ", ") {
		wait, keys, _ := strings.Cut(at, " ")
		long, err := time.ParseDuration(wait)
		if err != nil {
			f.t.Fatal(err)
		}
		select {
		case <-time.After(long - time.Since(f.start)):
		case <-ctx.Done():
			return
		}
		for _, k := range []byte(keys) {
			f.keys.Press(k)
		}
	}
}

// play runs a script in virtual time and returns what it did, and at last how it ended.
func (f *fake) play(t *testing.T, document, presses string, limits Limits) []string {
	t.Helper()
	f.t = t
	synctest.Test(t, func(t *testing.T) {
		f.start, f.keys = time.Now(), NewKeys()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s, err := Parse([]byte(document))
		if err != nil {
			t.Fatal(err)
		}
		now := strings.TrimPrefix(presses, "0s ")
		if first, _, more := strings.Cut(now, ", "); now != presses { // typed ahead
			for _, k := range []byte(first) {
				f.keys.Press(k)
			}
			presses = ""
			if more {
				presses = now[len(first)+2:]
			}
		}
		go f.press(ctx, presses)
		end := Run(ctx, s, f, limits)
		f.say("%v", end)
	})
	return f.log
}

func same(t *testing.T, got []string, want string) {
	t.Helper()
	text := strings.Join(got, "\n")
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if want = strings.Join(lines, "\n"); text != want {
		t.Errorf("got:\n%s\nwant:\n%s", text, want)
	}
}
