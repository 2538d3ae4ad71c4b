package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// Edge case X18: names are confined to the media folder, and each that cannot be played is told what is wrong with it.
func TestFileNames(t *testing.T) {
	above := t.TempDir()
	folder := filepath.Join(above, "media")
	put := func(name string, b []byte) {
		path := filepath.Join(above, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := wave(8000, 1, 700)
	put("secret.wav", good)
	put("media/a.wav", good)
	put("media/en/press one.wav", good)
	put("media/note.txt", []byte("not audio"))
	put("media/short.wav", good[:1000])
	put("media/empty.wav", nil)
	put("media/a.ogg", []byte("OggS and so on"))
	put("media/head.wav", good[:44])
	put("media/long.wav", wave(4000, 601, 700))
	for link, to := range map[string]string{"in.wav": "en/press one.wav", "out.wav": "../secret.wav", "root.wav": filepath.Join(above, "secret.wav"),
		"up": ".."} {
		if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe.wav"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := NewLibrary(LibraryConfig{Folder: folder})
	defer l.Close()
	for name, want := range map[string]string{
		"a.wav": "", "en/press one.wav": "", "in.wav": "",
		"":                               "the name is empty",
		"../secret.wav":                  "the name has a part that is empty, . or ..",
		"en/../../secret.wav":            "the name has a part that is empty, . or ..",
		"en/../a.wav":                    "the name has a part that is empty, . or ..",
		"./a.wav":                        "the name has a part that is empty, . or ..",
		"en//a.wav":                      "the name has a part that is empty, . or ..",
		"a\xff.wav":                      "or is no UTF-8",
		".":                              "it is the media folder itself",
		"/etc/passwd":                    "the name begins with a slash",
		`..\secret.wav`:                  "the name has a backslash in it",
		"a.wav\x00.mp3":                  "the name has a NUL in it",
		strings.Repeat("ä", 128):         "the name has 256 bytes, 255 are the most",
		"http://127.0.0.1/a.wav":         "a URL cannot be played, only a file of the media folder",
		"file:///etc/passwd":             "a URL cannot be played",
		"out.wav":                        "it leads out of the media folder",
		"root.wav":                       "it leads out of the media folder",
		"up/secret.wav":                  "it leads out of the media folder",
		"b.wav":                          "there is no such file in the media folder",
		"a.wav/b":                        "not a directory",
		"en":                             "it is no file",
		"pipe.wav":                       "it is no file",
		"note.txt":                       "byte 0: this is neither a WAV file",
		"short.wav":                      "byte 36: the data chunk says that it has 16000 bytes, but the file ends after 956",
		"empty.wav":                      "byte 0: the file ends, and is neither WAV nor MP3",
		"a.ogg":                          "byte 0: Ogg cannot be read, only WAV and MP3",
		"head.wav":                       "byte 36: the data chunk says that it has 16000 bytes",
		"long.wav":                       "byte 44: 601 s are too long, 10m0s are the most",
		"http:/a.wav":                    "there is no such file",
		"en/" + strings.Repeat("x", 300): "the name has 303 bytes",
	} {
		clip, err := l.File(context.Background(), name)
		if want == "" {
			if err != nil || clip == "" {
				t.Errorf("%q: %q, %v", name, clip, err)
			}
			continue
		}
		if err == nil || clip != "" || !strings.HasPrefix(err.Error(), "file \"") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v\nwant %s", name, clip, err, want)
		}
	}
	for _, c := range []struct{ folder, want string }{{"", "there is no media folder"}, {above + "/none", "the media folder cannot be opened"}} {
		l := NewLibrary(LibraryConfig{Folder: c.folder})
		if _, err := l.File(context.Background(), "a.wav"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("folder %q: %v", c.folder, err)
		}
		l.Close()
	}
}

// The same file is one clip, until it changes; MP3 is read as WAV is.
func TestFiles(t *testing.T) {
	l := library(t, "a.wav", wave(11025, 1, 700))
	a := clipOf(t, l, "a.wav")
	if again := clipOf(t, l, "a.wav"); again != a {
		t.Errorf("%q and %q", a, again)
	}
	path := filepath.Join(l.cfg.Folder, "a.wav")
	if err := os.WriteFile(path, wave(11025, 1, 1500), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil { // clocks of disks are coarse
		t.Fatal(err)
	}
	b := clipOf(t, l, "a.wav")
	for c, hz := range map[callstate.Clip]float64{a: 700, b: 1500} {
		if level := l.sound(t, c).part(100*time.Millisecond, 900*time.Millisecond).level(hz); level < 0.238 || level > 0.25 {
			t.Errorf("%s: %v Hz at %.3f", c, hz, level)
		}
	}
	mp3, err := os.ReadFile("internal/mp3/testdata/mono22.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.cfg.Folder, "a.mp3"), mp3, 0o600); err != nil {
		t.Fatal(err)
	}
	if level := l.sound(t, clipOf(t, l, "a.mp3")).part(100*time.Millisecond, 400*time.Millisecond).level(700); level < 0.225 || level > 0.24 {
		t.Errorf("MP3: 700 Hz at %.3f", level)
	}
}

// A clip rises from silence and falls to it, and its last frame is full.
func TestRender(t *testing.T) {
	l := library(t, "a.wav", wave(8000, 1, 700)[:44+2*1000])
	b, err := os.ReadFile(filepath.Join(l.cfg.Folder, "a.wav"))
	if err != nil {
		t.Fatal(err)
	}
	copy(b[40:], "\xff\xff\xff\xff")
	if err := os.WriteFile(filepath.Join(l.cfg.Folder, "a.wav"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	a := l.take(clipOf(t, l, "a.wav"))
	defer a.release()
	if a.frames() != 7 || len(a.wide) != 7*320 || len(a.law[0]) != 7*160 || len(a.law[1]) != 7*160 {
		t.Errorf("%d frames, %d samples, %d and %d bytes", a.frames(), len(a.wide), len(a.law[0]), len(a.law[1]))
	}
	for i, x := range a.wide {
		if i >= 2000 && x != 0 || (i < 3 || i > 1996) && (x > 700 || x < -700) {
			t.Errorf("sample %d is %d", i, x)
		}
	}
	for i, c := range a.law[0][1020:] {
		if c != 0xff || a.law[1][1020+i] != 0xd5 {
			t.Fatalf("byte %d is %#x and %#x, not silence", 1020+i, c, a.law[1][1020+i])
		}
	}
}

func TestBeep(t *testing.T) {
	l := NewLibrary(LibraryConfig{})
	defer l.Close()
	c, err := l.Beep(1000, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	s := l.sound(t, c)
	if level := s.part(20*time.Millisecond, 480*time.Millisecond).level(1000); level < 0.218 || level > 0.222 || len(s.pcm) != 8000 {
		t.Errorf("%d samples, 1000 Hz at %.4f; -10 dBm0 are 0.2203", len(s.pcm), level)
	}
	if again, _ := l.Beep(1000, 500*time.Millisecond); again != c {
		t.Errorf("%q and %q", c, again)
	}
	for _, bad := range []beep{{99, time.Second}, {3401, time.Second}, {1000, 0}, {1000, -1}, {1000, time.Hour}} {
		if _, err := l.Beep(bad.hz, bad.long); err == nil || !strings.HasPrefix(err.Error(), "beep: ") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// keep has a library make a clip of so many frames.
func (l *Library) keep(name string, frames int) (callstate.Clip, error) {
	a, _, err := l.find(name, name, time.Minute, func(context.Context) (loop, error) { return loop{wide: make([]int16, 320*frames)}, nil })
	if err != nil {
		return "", err
	}
	return a.wait(context.Background())
}

// What is kept is bounded: the clip that was not used for the longest time makes room, unless it plays or was given out
// within the last minute.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLibrary(LibraryConfig{})
		defer l.Close()
		l.room = 3 * 640
		var clips []callstate.Clip
		for _, name := range []string{"a", "b", "c"} {
			c, err := l.keep(name, 1)
			if err != nil {
				t.Fatal(err)
			}
			clips = append(clips, c)
			time.Sleep(time.Second)
		}
		if _, err := l.keep("d", 1); err == nil || !strings.Contains(err.Error(), "there is no room") {
			t.Errorf("a clip that was just given out made room: %v", err)
		}
		playing := l.take(clips[0])
		time.Sleep(59 * time.Second) // a and b are old enough, c is not
		if _, err := l.keep("d", 1); err != nil {
			t.Error(err)
		}
		there := func(want ...bool) {
			t.Helper()
			for i, c := range clips {
				if a := l.clips[c]; (a != nil) != want[i] {
					t.Errorf("clip %d is there: %v", i, a != nil)
				}
			}
		}
		there(true, false, true)
		time.Sleep(2 * time.Minute)
		if _, err := l.keep("big", 2); err != nil {
			t.Error(err)
		}
		there(true, false, false) // it still plays
		playing.release()
		if again, err := l.keep("a", 1); again != clips[0] || err != nil { // given out again
			t.Errorf("%q, %v", again, err)
		}
		if _, err := l.keep("bigger", 4); err == nil {
			t.Error("there was room for more than there is room for")
		}
		if l.bytes != 3*640 || len(l.known) != 2 || len(l.clips) != 2 || l.order.Len() != 2 {
			t.Errorf("%d bytes, %d known, %d clips, %d in order", l.bytes, len(l.known), len(l.clips), l.order.Len())
		}
		if c, err := l.keep("b", 1); err == nil || c != "" {
			t.Error("a failed clip made others go")
		}
	})
}

// At most three are made at once; the others wait, at most a hundred in all. A caller's own time ends only his waiting,
// and a fault is told to all who wait for it, and is not kept.
func TestWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLibrary(LibraryConfig{})
		var running, most, calls atomic.Int32
		work := func(ctx context.Context) (loop, error) {
			if ctx.Err() != nil {
				return loop{}, ctx.Err()
			}
			calls.Add(1)
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			select {
			case <-time.After(time.Second):
				return loop{}, errors.New("it broke")
			case <-ctx.Done():
				return loop{}, context.Cause(ctx)
			}
		}
		var wg sync.WaitGroup
		var failed atomic.Int32
		for i := range 200 {
			wg.Go(func() {
				a, _, err := l.find(i%maxJobs, "x", time.Minute, work)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := a.wait(context.Background()); fmt.Sprint(err) == "it broke" {
					failed.Add(1)
				}
			})
		}
		synctest.Wait()
		if _, _, err := l.find("one more", "x", time.Minute, work); err == nil || !strings.Contains(err.Error(), "100 clips are being made") {
			t.Error(err)
		}
		a, begun, err := l.find(99, "x", time.Minute, work)
		if begun || err != nil {
			t.Error(begun, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		if _, err := a.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
		wg.Wait()
		if most.Load() != maxAtOnce || calls.Load() != maxJobs || failed.Load() != 200 || len(l.known) != 0 || l.jobs != 0 {
			t.Errorf("%d at once, %d calls, %d faults, %d known, %d jobs", most.Load(), calls.Load(), failed.Load(), len(l.known), l.jobs)
		}
		// Each has its time.
		a, _, err = l.find("slow", "x", 500*time.Millisecond, work)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.wait(context.Background()); fmt.Sprint(err) != "it takes longer than 500ms" {
			t.Error(err)
		}
		a, _, _ = l.find("at the end", "x", time.Minute, work)
		go func() { time.Sleep(100 * time.Millisecond); l.Close() }()
		if _, err := a.wait(context.Background()); !errors.Is(err, errClosed) {
			t.Error(err)
		}
	})
}
