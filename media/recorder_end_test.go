package media

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// A limit and silence end a recording by themselves; the file is complete then.
func TestRecordLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		cmd  callstate.StartRecord
		want time.Duration
	}{
		{"limit", callstate.StartRecord{Limit: 700 * ms}, 700 * ms},
		{"odd limit", callstate.StartRecord{Limit: 701 * ms}, 720 * ms},
		{"silence", callstate.StartRecord{Silence: 500 * ms}, 1500 * ms},
		{"limit before silence", callstate.StartRecord{Limit: 1200 * ms, Silence: 500 * ms}, 1200 * ms},
		{"silence before limit", callstate.StartRecord{Limit: 3 * time.Second, Silence: 500 * ms}, 1500 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, nil)
			all := s.parties(codec.PCMA, codec.PCMU)
			c.cmd.Ref, c.cmd.File = 1, "a.wav"
			s.start(c.cmd)
			s.record(1, all...)
			talk(time.Second, all[0])
			for range 50 { // -57 dBm0 on a line with a constant beside it
				b := make([]byte, 160)
				pcm := make([]int16, 160)
				for i := range pcm {
					pcm[i] = int16(300 + 32*(i%2))
				}
				all[1].enc.Encode(b, pcm)
				all[1].send(0, false, b, 160)
				time.Sleep(20 * ms)
			}
			ev := s.stopped(1)
			if x := s.file("a.wav"); ev.Fail != "" || ev.Long != x.length() || ev.Long < c.want-20*ms || ev.Long > c.want+100*ms {
				t.Errorf("%s: %+v, the file has %s", c.name, ev, x.length())
			}
			if n := s.ticking(); n != 0 {
				t.Errorf("%s: %d have ticks still", c.name, n)
			}
			s.Do(callstate.EndRecord{Call: 1, Ref: 1})
			synctest.Wait()
			if evs := s.take(); len(evs) != 0 {
				t.Errorf("%s: told %+v after the end", c.name, evs)
			}
		})
	}
}

// A recording that cannot begin says why, does no harm and leaves nothing (edge case X18).
func TestRecordRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		outside := t.TempDir()
		for _, err := range []error{
			os.Symlink(outside, filepath.Join(s.folder, "link")),
			os.WriteFile(filepath.Join(s.folder, "there.wav"), []byte("kept"), 0o600),
			os.Symlink("there.wav", filepath.Join(s.folder, "other.wav")),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for file, want := range map[string]string{
			"../a.wav":               `"../a.wav" is no file below the media folder`,
			"x/../../a.wav":          "is no file below",
			"/etc/a.wav":             "is no file below",
			"":                       "is no file below",
			".":                      "is no file below",
			"x/..":                   "is no file below",
			"there.wav":              "there.wav: file exists",
			"other.wav":              "file exists",
			"there.wav/a.wav":        "there.wav: ",
			"link/a.wav":             "escapes",
			"link/x/a.wav":           "escapes",
			"a\x00.wav":              "invalid argument",
			strings.Repeat("x", 300): "file name too long",
		} {
			s.Do(callstate.StartRecord{Call: 1, Ref: 1, File: file})
			synctest.Wait()
			if ev := one[callstate.RecordStarted](s.bed); !strings.Contains(ev.Fail, want) || strings.Contains(ev.Fail, s.folder) {
				t.Errorf("%.20q: %q, want %q", file, ev.Fail, want)
			}
		}
		s.Do(callstate.EndRecord{Call: 1, Ref: 1})
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.Do(callstate.StartRecord{Call: 1, Ref: 1, File: "b.wav"})
		synctest.Wait()
		if ev := one[callstate.RecordStarted](s.bed); ev.Fail != "this recording runs already" {
			t.Errorf("%+v", ev)
		}
		s.stop(1)
		if b, err := os.ReadFile(filepath.Join(s.folder, "there.wav")); string(b) != "kept" {
			t.Errorf("%q, %v", b, err)
		}
		if all, _ := os.ReadDir(outside); len(all) != 0 {
			t.Errorf("outside there is %v", all)
		}
		if len(s.told) != 0 {
			t.Errorf("the callback was told %+v", s.told)
		}
		time.Sleep(50 * ms)
		if n := s.ticking(); n != 0 {
			t.Errorf("%d have ticks still", n)
		}
		s.noFiles()
	})
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, func(c *Config) { c.Folder = "" })
		s.Do(callstate.StartRecord{Call: 1, Ref: 1, File: "a.wav"})
		if ev := one[callstate.RecordStarted](s.bed); ev.Fail != "there is no media folder (media.folder)" {
			t.Errorf("%+v", ev)
		}
	})
}

// noFiles checks that no file of the folder is open.
func (s *studio) noFiles() {
	s.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // no Linux
	}
	for _, fd := range fds {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.HasPrefix(to, s.folder) {
			s.Errorf("%s is open still", to)
		}
	}
}

// drive is a file on a disk with faults.
type drive struct {
	mu     sync.Mutex
	room   int           // bytes; 0: endless
	slow   time.Duration // what each write takes
	hangs  chan struct{} // what each write waits for
	broken error         // of Sync
	data   []byte
	closed int
	gone   bool
}

func (d *drive) WriteAt(b []byte, at int64) (int, error) {
	if d.hangs != nil {
		<-d.hangs
	}
	time.Sleep(d.slow)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room > 0 && int(at)+len(b) > d.room {
		return 0, &os.PathError{Op: "write", Path: "/secret/a.wav", Err: syscall.ENOSPC}
	}
	if need := int(at) + len(b) - len(d.data); need > 0 {
		d.data = append(d.data, make([]byte, need)...)
	}
	return copy(d.data[at:], b), nil
}

func (d *drive) Sync() error  { return d.broken }
func (d *drive) Close() error { d.closed++; return nil }
func (d *drive) Discard()     { d.closed++; d.gone = true }

func (s *studio) on(d *drive) {
	s.create = func(string) (tapeFile, error) { return d, nil }
}

// Edge case O12: the disk is full. The recording ends and says so, what was there is kept, the call does not notice.
func TestRecordDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU, codec.PCMU)
		s.meet(all...)
		s.take()
		d := &drive{room: 44 + 2*8000*3}
		s.on(d)
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.record(1, all...)
		talk(5*time.Second, all...)
		ev := s.stopped(1)
		if ev.Fail != "the file cannot be written: no space left on device" || ev.Long < 2*time.Second || ev.Long > 3*time.Second {
			t.Errorf("%+v", ev)
		}
		if x := readTape(t, d.data); x.length() != ev.Long || d.closed != 1 {
			t.Errorf("the file has %s, and was closed %d times", x.length(), d.closed)
		}
		for _, v := range all {
			if n := len(v.hear()); n != 250 {
				t.Errorf("%d packets were heard", n)
			}
		}
		// There is no room for anything: not even begun, and no file is left.
		d = &drive{room: 10}
		s.on(d)
		s.Do(callstate.StartRecord{Call: 1, Ref: 2, File: "a.wav"})
		synctest.Wait()
		if ev := one[callstate.RecordStarted](s.bed); !strings.Contains(ev.Fail, "no space") || strings.Contains(ev.Fail, "secret") || !d.gone {
			t.Errorf("%+v, removed: %v", ev, d.gone)
		}
		// It is full when all should be safe.
		d = &drive{broken: syscall.EIO}
		s.on(d)
		s.start(callstate.StartRecord{Ref: 3, File: "a.wav"})
		talk(100*ms, all...)
		if ev := s.stop(3); ev.Fail != "the file cannot be written: input/output error" {
			t.Errorf("%+v", ev)
		}
	})
}

// A disk that takes longer than what is kept leaves silence where it was too slow, each sound at its time, and tells.
// Nobody else is kept waiting.
func TestRecordDiskSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU, codec.PCMA)
		s.meet(all...)
		s.take()
		d := &drive{hangs: make(chan struct{})}
		s.on(d)
		s.Do(callstate.StartRecord{Call: 1, Ref: 1, File: "a.wav"})
		s.record(1, all[0])
		talk(6*time.Second, all...) // two seconds are too much
		close(d.hangs)
		s.record(1, all[1])
		talk(2*time.Second, all...)
		ev := s.stop(1)
		x := readTape(t, d.data)
		if ev.Long != x.length() || ev.Long < 7980*ms || ev.Long > 8020*ms {
			t.Errorf("%+v, the file has %s", ev, x.length())
		}
		var lost float64
		if _, err := fmt.Sscanf(ev.Fail, "%fs of it are silence: the disk was too slow", &lost); err != nil || lost < 1.9 || lost > 2.1 {
			t.Errorf("told %q", ev.Fail)
		}
		s.holds(x, 100*ms, 4000*ms, all, all[0])
		s.holds(x, 4050*ms, 5950*ms, all)
		s.holds(x, 6100*ms, 8000*ms, all, all[1])
		for _, v := range all {
			if st, _ := s.LegStats(v.leg); st.Sent != 400 {
				t.Errorf("%d packets were sent", st.Sent)
			}
		}
	})
}

// A clock that stood still leaves silence of that length, also more than what is kept, and ends no recording too late.
func TestRecordStall(t *testing.T) {
	for _, stall := range []time.Duration{40 * ms, 400 * ms, 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, nil)
			s.start(callstate.StartRecord{Ref: 1, File: "a.wav", Limit: 10 * time.Second})
			time.Sleep(time.Second)
			s.clock.close() // its ticks are made here
			time.Sleep(stall)
			s.wire.Lock()
			r := s.tapes[recordID{1, 1}]
			s.wire.Unlock()
			for i := range 50 {
				r.tick(1<<32+uint64(i), s.now(), s.now())
				time.Sleep(20 * ms)
			}
			s.clock = newClock(s.now, s.fwd)
			want := min(2*time.Second+stall, 10*time.Second)
			ev := callstate.RecordEnded{}
			if stall > 10*time.Second {
				ev = s.stopped(1)
			} else {
				ev = s.stop(1)
			}
			if ev.Fail != "" || ev.Long < want-20*ms || ev.Long > want+20*ms || s.file("a.wav").length() != ev.Long {
				t.Errorf("after a stall of %s: %+v, want %s", stall, ev, want)
			}
		})
	}
}

// Close completes every file and waits for it; nothing is told after it.
func TestRecordClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU, codec.PCMA)
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.record(1, all...)
		talk(700*ms, all...)
		s.Close()
		ev := s.stopped(1)
		if ev.Fail != "" || ev.Long < 680*ms || s.file("a.wav").length() != ev.Long {
			t.Errorf("%+v", ev)
		}
		s.noFiles()
		s.Do(callstate.StartRecord{Call: 1, Ref: 2, File: "b.wav"})
		synctest.Wait()
		if evs := s.take(); len(evs) != 0 {
			t.Errorf("told %+v after Close", evs)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a disk that does not answer does not keep the switch from ending
		s := newStudio(t, nil)
		d := &drive{}
		s.on(d)
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		time.Sleep(100 * ms)
		d.hangs = make(chan struct{})
		begin := time.Now()
		s.Close()
		if took := time.Since(begin); took != closePatience {
			t.Errorf("Close took %s", took)
		}
		s.take()
		close(d.hangs)
		synctest.Wait()
		if evs := s.take(); len(evs) != 0 {
			t.Errorf("told %+v after Close", evs)
		}
	})
}

// Fifty at once, and as many more as there may be: all in their own files, nothing left.
func TestRecordMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU, codec.PCMA, codec.G722)
		const n = 50
		for i := range uint32(n) {
			s.start(callstate.StartRecord{Ref: i, File: fmt.Sprintf("many/%d/a.wav", i)})
			s.record(i, all[i%3])
		}
		talk(1300*ms, all...)
		s.take()
		for i := range uint32(n) {
			if ev := s.stop(i); ev.Fail != "" || ev.Long < 1280*ms {
				t.Errorf("%+v", ev)
			}
			x := s.file(fmt.Sprintf("many/%d/a.wav", i))
			s.holds(x, 100*ms, 1300*ms, all, all[i%3])
		}
		s.noFiles()
		time.Sleep(100 * ms)
		if k := s.ticking(); k != 0 || len(s.tapes) != 0 {
			t.Errorf("%d have ticks still, %d recordings are left", k, len(s.tapes))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		s.create = func(string) (tapeFile, error) { return &drive{}, nil }
		for i := range uint32(maxTapes) {
			s.start(callstate.StartRecord{Ref: i, File: "a.wav"})
		}
		s.Do(callstate.StartRecord{Call: 1, Ref: maxTapes, File: "a.wav"})
		if ev := one[callstate.RecordStarted](s.bed); ev.Fail != "500 recordings run already" {
			t.Errorf("%+v", ev)
		}
		s.stop(0)
		s.start(callstate.StartRecord{Ref: maxTapes, File: "a.wav"})
	})
}

// Edge case A8: a copy of the file, made at any time, can be played, and has all but the last second.
func TestRecordCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU)
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.record(1, all...)
		start := time.Now()
		talk(600*ms, all...)
		for range 60 {
			talk(40*ms, all...)
			long, since := s.file("a.wav").length(), time.Since(start)
			if long < since-time.Second || long > since+20*ms {
				t.Errorf("after %s the file has %s", since, long)
			}
		}
		s.stop(1)
	})
}
