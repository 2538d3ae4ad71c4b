package media

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringdown/callstate"
)

// TestMain is also the speech command of the tests: Speak is {os.Args[0], "speak", what, ...}.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "speak" {
		speakAs(os.Args[2], os.Args[3:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// speakAs does what a speech program might do.
func speakAs(what string, args []string) {
	fail := func(words ...any) {
		fmt.Fprintln(os.Stderr, words...)
		os.Exit(3)
	}
	say := func(hz float64) {
		b := wave(22050, 1, hz)
		copy(b[4:], "\x24\xf0\xff\x7f") // as espeak-ng does it
		copy(b[40:], "\x00\xf0\xff\x7f")
		os.Stdout.Write(b)
	}
	switch what {
	case "tone":
		say(700)
	case "voices": // that it has: language en-gb, voice anna
		for i, a := range args[:len(args)-1] {
			if a == "-l" && args[i+1] != "en-gb" || a == "-v" && args[i+1] != "anna" {
				fail("no such voice:", args[i+1])
			}
		}
		say(float64(400 + 100*(len(args)/2)))
	case "count": // how often it was called
		f, err := os.OpenFile(args[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			fail(err)
		}
		f.WriteString("x")
		f.Close()
		say(700)
	case "fail":
		fail("the voice is hoarse\nand more")
	case "nothing":
	case "rubbish":
		fmt.Println("this is no WAV at all")
	case "much":
		for {
			os.Stdout.Write(make([]byte, 1<<20))
		}
	case "slow": // with a child that holds its output
		c := exec.Command(os.Args[0], "speak", "asleep")
		c.Stdout = os.Stdout
		if err := c.Start(); err != nil {
			fail(err)
		}
		os.WriteFile(args[0], fmt.Append(nil, c.Process.Pid), 0o600)
		os.Rename(args[0], args[0]+".done")
		<-time.After(time.Minute)
	case "asleep":
		<-time.After(time.Minute)
	}
}

func speaker(t testing.TB, args ...string) *Library {
	l := NewLibrary(LibraryConfig{Speak: append([]string{os.Args[0], "speak"}, args...)})
	t.Cleanup(l.Close)
	return l
}

// sound is what a clip sounds like.
func (l *Library) sound(t testing.TB, c callstate.Clip) sound {
	t.Helper()
	a := l.take(c)
	if a == nil {
		t.Fatalf("no clip %q", c)
	}
	defer a.release()
	s := sound{rate: 16000}
	for _, x := range a.wide {
		s.pcm = append(s.pcm, float64(x)/32768)
	}
	return s
}

func TestSpeech(t *testing.T) {
	l := speaker(t, "tone", "{text}")
	c, err := l.Speech(context.Background(), Speech{Text: "Hello"})
	if err != nil {
		t.Fatal(err)
	}
	if got := l.sound(t, c).part(100*time.Millisecond, 900*time.Millisecond).level(700); got < 0.238 || got > 0.25 {
		t.Errorf("700 Hz at %.3f", got)
	}
}

// What a command cannot speak in a language or voice it speaks without.
func TestSpeechVoices(t *testing.T) {
	l := speaker(t, "voices", "-l", "{language}", "-v", "{voice}", "{text}")
	for _, c := range []struct {
		language, voice string
		hz              float64 // by how many options the command got
	}{
		{"", "", 400}, {"en-GB", "", 500}, {"EN_uk", "", 500}, {"", "anna", 500}, {"en-uk", "anna", 600},
		{"tlh", "", 400}, {"", "Microsoft Anna", 400}, {"en-gb", "bert", 500}, {"tlh", "anna", 400}, {"en-gb; rm", "--x", 400},
	} {
		clip, err := l.Speech(context.Background(), Speech{Text: "Hello", Language: c.language, Voice: c.voice})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if got := l.sound(t, clip).part(100*time.Millisecond, 900*time.Millisecond).level(c.hz); got < 0.2 {
			t.Errorf("%+v: %v Hz at %.3f", c, c.hz, got)
		}
	}
}

func TestSpeechArguments(t *testing.T) {
	all := []string{"speak", "--stdout", "-v", "{language}", "-p", "9", "--voice={voice}", "-x", "--lang={language}", "{text}"}
	for _, c := range []struct {
		command []string
		s       Speech
		want    []string
	}{
		{all, Speech{"hi", "de", "eva"}, []string{"--stdout", "-v", "de", "-p", "9", "--voice=eva", "-x", "--lang=de", "hi"}},
		{all, Speech{"hi", "de", ""}, []string{"--stdout", "-v", "de", "-p", "9", "-x", "--lang=de", "hi"}},
		{all, Speech{"hi", "", ""}, []string{"--stdout", "-p", "9", "-x", "hi"}},
		{[]string{"speak", "{voice}", "{text}"}, Speech{"hi", "", ""}, []string{"hi"}},
		{[]string{"speak", "{text}"}, Speech{"-f /etc/passwd; `id` $HOME {voice}", "", ""}, []string{" -f /etc/passwd; `id` $HOME {voice}"}},
		{[]string{"speak", "-t", "say {text}"}, Speech{"{language}", "x", ""}, []string{"-t", "say {language}"}},
	} {
		if got := arguments(c.command, c.s); !slices.Equal(got[1:], c.want) || got[0] != "speak" {
			t.Errorf("%q with %+v:\ngot  %q\nwant %q", c.command, c.s, got, c.want)
		}
	}
}

// Each fault is told with what to do about it.
func TestSpeechFaults(t *testing.T) {
	for _, c := range []struct {
		speak []string
		s     Speech
		want  string
	}{
		{nil, Speech{Text: "a"}, "speech: no command for it is configured: set ozeki.speak"},
		{[]string{"no-such-program", "{text}"}, Speech{Text: "a", Language: "de"},
			"speech: no-such-program is not installed: apt-get install no-such-program, or name another command in ozeki.speak"},
		{[]string{"tone"}, Speech{Text: " \x00\n"}, "speech: there is no text"},
		{[]string{"tone"}, Speech{Text: strings.Repeat("ä", 2001)}, "speech: the text has 2001 characters, 2000 are the most"},
		{[]string{"fail"}, Speech{Text: "a"}, "failed: exit status 3: the voice is hoarse"},
		{[]string{"nothing"}, Speech{Text: "a"}, "wrote nothing"},
		{[]string{"rubbish"}, Speech{Text: "a"}, "wrote no usable WAV: byte 0: this is no WAV file"},
		{[]string{"much"}, Speech{Text: "a"}, "was ended: it wrote more than 30 MB"},
	} {
		l := NewLibrary(LibraryConfig{Speak: c.speak})
		if len(c.speak) == 1 {
			l = speaker(t, c.speak...)
		}
		clip, err := l.Speech(context.Background(), c.s)
		if err == nil || !strings.HasSuffix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want+":") || clip != "" {
			t.Errorf("%q: got %q, %v\nwant %s", c.speak, clip, err, c.want)
		}
		l.Close()
	}
}

// Many who want the same text have it spoken once; a caller who goes away does not end it for the others.
func TestSpeechOnce(t *testing.T) {
	calls := t.TempDir() + "/calls"
	l := speaker(t, "count", calls, "{text}")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := l.Speech(gone, Speech{Text: "Hello"}); err == nil {
		t.Error("a caller who is gone was served")
	}
	got := make(chan string, 20)
	for range cap(got) {
		go func() {
			c, err := l.Speech(context.Background(), Speech{Text: " Hello "})
			got <- fmt.Sprint(c, err)
		}()
	}
	first := <-got
	for range cap(got) - 1 {
		if next := <-got; next != first {
			t.Errorf("%s and %s", first, next)
		}
	}
	if b, err := os.ReadFile(calls); err != nil || string(b) != "x" {
		t.Errorf("called %q, %v", b, err)
	}
}

// Close ends a command with what it has started, and waits.
func TestSpeechKilled(t *testing.T) {
	mark := t.TempDir() + "/pid"
	l := speaker(t, "slow", mark, "{text}")
	done := make(chan error, 1)
	go func() {
		_, err := l.Speech(context.Background(), Speech{Text: "Hello"})
		done <- err
	}()
	b := &bed{TB: t}
	var pid int
	b.until("the command runs", func() bool {
		raw, err := os.ReadFile(mark + ".done")
		fmt.Sscan(string(bytes.TrimSpace(raw)), &pid)
		return err == nil && pid > 0
	})
	start := time.Now()
	l.Close()
	if err := <-done; err == nil || err.Error() != "speech: the switch stops" {
		t.Errorf("%v", err)
	}
	if d := time.Since(start); d > patience {
		t.Errorf("it took %v", d)
	}
	b.until("the child of the command ends", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // it may wait to be collected
		return syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ")
	})
	if _, err := l.Speech(context.Background(), Speech{Text: "Again"}); err == nil {
		t.Error("it speaks after Close")
	}
}

// A command that takes too long is ended; its time is the only one that counts.
func TestSpeechSlow(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 200*time.Millisecond, fmt.Errorf("it takes longer than 20s"))
	defer cancel()
	_, err := output(ctx, []string{os.Args[0], "speak", "slow", t.TempDir() + "/pid"})
	if err == nil || !strings.HasSuffix(err.Error(), "was ended: it takes longer than 20s") {
		t.Errorf("%v", err)
	}
}

// The documented command, where it is installed.
func TestEspeak(t *testing.T) {
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed")
	}
	l := NewLibrary(LibraryConfig{Speak: []string{"espeak-ng", "--stdout", "-v", "{language}", "{text}"}})
	defer l.Close()
	for _, s := range []Speech{{Text: "Please press one."}, {Text: "Grüß Gott", Language: "de"}, {Text: "-h is no option"},
		{Text: "Hello", Language: "xx-YY"}, {Text: "Hello", Language: "en-UK", Voice: "Microsoft Anna"}} {
		c, err := l.Speech(context.Background(), s)
		if err != nil {
			t.Errorf("%+v: %v", s, err)
			continue
		}
		heard := l.sound(t, c)
		var power float64
		for _, x := range heard.pcm {
			power += x * x / float64(len(heard.pcm))
		}
		if len(heard.pcm) < 16000/3 || power < 1e-4 {
			t.Errorf("%+v: %d samples with power %v", s, len(heard.pcm), power)
		}
	}
}
