package media

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/wav"
)

// studio is a bed that can record.
type studio struct {
	*bed
	folder string

	mu   sync.Mutex
	told []told
}

// told is one call of Config.Recorded.
type told struct {
	file string
	long time.Duration
	fail string
}

func newStudio(t testing.TB, change func(*Config)) *studio {
	s := &studio{folder: t.TempDir()}
	s.bed = newBed(t, func(c *Config) {
		c.Folder = s.folder
		c.Recorded = func(file string, long time.Duration, fail string) {
			s.mu.Lock()
			s.told = append(s.told, told{file, long, fail})
			s.mu.Unlock()
		}
		if change != nil {
			change(c)
		}
	})
	return s
}

// start begins a recording with a ref and checks that it has begun.
func (s *studio) start(c callstate.StartRecord) {
	s.Helper()
	c.Call = 1
	s.Do(c)
	synctest.Wait()
	if ev := one[callstate.RecordStarted](s.bed); ev.Fail != "" || ev.Ref != c.Ref || ev.ID != 1 {
		s.Fatalf("%+v", ev)
	}
}

// record says who is recorded.
func (s *studio) record(ref uint32, voices ...*voice) {
	var legs []callstate.LegID
	for _, v := range voices {
		legs = append(legs, v.leg)
	}
	s.Do(callstate.RecordLegs{Call: 1, Ref: ref, Legs: legs})
}

// stop ends a recording and returns what was told of it, in that order: by event, then to the callback.
func (s *studio) stop(ref uint32) callstate.RecordEnded {
	s.Helper()
	s.take()
	s.Do(callstate.EndRecord{Call: 1, Ref: ref})
	return s.stopped(ref)
}

func (s *studio) stopped(ref uint32) callstate.RecordEnded {
	s.Helper()
	synctest.Wait()
	ev := one[callstate.RecordEnded](s.bed)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.told) != 1 || s.told[0].long != ev.Long || s.told[0].fail != ev.Fail || ev.Ref != ref {
		s.Fatalf("%+v, and the callback was told %+v", ev, s.told)
	}
	s.told = nil
	return ev
}

// file is what a file holds.
func (s *studio) file(name string) sound {
	s.Helper()
	b, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.Fatal(err)
	}
	return readTape(s.TB, b)
}

func readTape(t testing.TB, b []byte) sound {
	t.Helper()
	r, err := wav.Read(b, 3600)
	if err != nil {
		t.Fatal(err)
	}
	x := sound{rate: float64(r.Rate)}
	for _, v := range r.Samples {
		x.pcm = append(x.pcm, v/32768)
	}
	return x
}

// length is how long a sound is.
func (s sound) length() time.Duration {
	return time.Duration(len(s.pcm)) * time.Second / time.Duration(s.rate)
}

// holds checks whose tones are in a part of a recording, and that nobody else's are.
func (s *studio) holds(x sound, from, to time.Duration, all []*voice, want ...*voice) {
	s.Helper()
	(&voice{handset: &handset{t: s.TB}}).hears(x.part(from, to), all, want...)
}

// A relayed call is recorded while it stays a relay: both are in the file, in their own time.
func TestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU, codec.PCMU)
		s.meet(all...)
		s.take()
		s.start(callstate.StartRecord{Ref: 7, File: "calls/2026/a.wav"})
		s.record(7, all...)
		talk(time.Second, all...)
		talk(time.Second, all[0])
		talk(time.Second, all[1])
		time.Sleep(time.Second)
		ev := s.stop(7)
		if ev.Fail != "" || ev.Long < 3980*time.Millisecond || ev.Long > 4020*time.Millisecond {
			t.Errorf("%+v", ev)
		}
		x := s.file("calls/2026/a.wav")
		if x.length() != ev.Long {
			t.Errorf("%s in the file, %s told", x.length(), ev.Long)
		}
		const ms = time.Millisecond
		s.holds(x, 100*ms, 1000*ms, all, all...)
		s.holds(x, 1200*ms, 2000*ms, all, all[0])
		s.holds(x, 2200*ms, 3000*ms, all, all[1])
		s.holds(x, 3200*ms, 3900*ms, all)
		for _, v := range all {
			if l := s.find(v.leg); l.source != nil || l.in.source != nil || len(l.taped) > 0 {
				t.Error("a source is left of the recording")
			}
		}
	})
}
