package media

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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

const ms = time.Millisecond

// Who is recorded changes in the middle: one side, a transfer to a third party, a hold, and everybody; each codec, one file,
// in the call's time (edge case A8).
func TestRecordChanges(t *testing.T) {
	for _, codes := range [][]codec.Kind{{codec.PCMU, codec.PCMA, codec.G722}, {codec.G722, codec.PCMU, codec.PCMA}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t, nil)
			all := s.parties(codes...)
			alice, bob, carol := all[0], all[1], all[2]
			s.meet(alice, bob)
			s.take()
			s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
			parts := [][]*voice{{alice}, {alice, bob}, {alice, carol}, {}, {carol}, {alice, bob, carol}}
			for i, who := range parts {
				switch i {
				case 2: // bob has transferred alice to carol
					s.meet(alice, carol)
				case 3: // alice is on hold
					s.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Music})
				case 4: // alice has hung up
					s.Do(callstate.CloseMedia{Leg: alice.leg})
					s.Do(callstate.OpenMedia{Leg: alice.leg, Offer: alice.sdp(alice.formats())})
					s.Do(callstate.MakeAnswer{Leg: alice.leg})
					for _, ev := range s.take() {
						if a, ok := ev.(callstate.AnswerMade); ok {
							alice.port(a.SDP)
						}
					}
				}
				s.record(1, who...)
				talk(500*ms, all...)
			}
			if ev := s.stop(1); ev.Fail != "" || ev.Long < 2980*ms || ev.Long > 3020*ms {
				t.Errorf("%+v", ev)
			}
			x := s.file("a.wav")
			for i, who := range parts {
				from := time.Duration(i) * 500 * ms
				s.holds(x, from+80*ms, from+500*ms, all, who...)
			}
		})
	}
}

// A relay is one while it is recorded: the same packets, at the same time, and every key.
func TestRecordRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		alice, bob := s.party(s.handset(1, "192.0.2.1:4000"), codec.G722, " 101"), s.party(s.handset(2, "192.0.2.2:4000"), codec.G722, " 101")
		s.meet(alice, bob)
		s.take()
		var sent [][]byte
		for i := range 100 {
			switch i {
			case 20:
				s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
				s.record(1, alice, bob)
			case 80:
				s.stop(1)
			}
			b := alice.frame(20)
			sent = append(sent, b)
			alice.send(alice.pt, false, b, 160)
			synctest.Wait()
			if got := bob.hear(); len(got) != 1 || !bytes.Equal(got[0].Payload, b) {
				t.Fatalf("packet %d: bob heard %d", i, len(got))
			}
			if i == 50 {
				alice.press(7)
				time.Sleep(200 * ms)
				if d := one[callstate.DigitReceived](s.bed); !d.Passed || d.Digit != "7" {
					t.Errorf("%+v", d)
				}
				bob.hear()
			}
			time.Sleep(20 * ms)
		}
		if st, _ := s.LegStats(alice.leg); st.Unheard+st.Malformed != 0 {
			t.Errorf("%+v", st)
		}
		for _, ev := range s.take() {
			if c, ok := ev.(callstate.Connected); ok {
				t.Errorf("recording told %+v", c)
			}
		}
	})
}

// Losses are bridged, what comes late and out of order is in its place, and all of the time is there.
func TestRecordLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMA, codec.G722)
		time.Sleep(21 * ms) // the clock rests, as in pair
		synctest.Wait()
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.record(1, all...)
		time.Sleep(7 * ms) // a packet that comes in the moment of a tick is before or after it, as chance has it
		for i := range 200 {
			for _, v := range all {
				if b := v.frame(20); i%10 == 7 {
					v.seq, v.ts = v.seq+1, v.ts+160
				} else {
					v.send(v.pt, false, b, 160)
				}
			}
			time.Sleep(20 * ms)
		}
		ev := s.stop(1)
		x := s.file("a.wav")
		if ev.Fail != "" || ev.Long != x.length() || ev.Long < 3980*ms {
			t.Errorf("%+v, %s", ev, x.length())
		}
		for at := 200 * ms; at+100*ms < 3900*ms; at += 100 * ms {
			for _, v := range all {
				if l := x.part(at, at+100*ms).level(v.hz) / (loud / 32768.0); l < 0.5 || l > 1.3 {
					t.Errorf("at %s %v is %.2f", at, v.hz, l)
				}
			}
		}
	})
}

// A leg that cannot be read is silence, as is one that is not there yet or any more; the rest goes on, and what comes is
// heard from then on.
func TestRecordStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newStudio(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		all := s.parties(codec.PCMU)
		alice := all[0]
		bob := &voice{handset: s.handset(2, "192.0.2.2:4000"), kind: codec.PCMA, pt: 8, hz: 900, enc: codec.NewEncoder(codec.PCMA)}
		all = append(all, bob)
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.record(1, alice, bob, alice)
		talk(500*ms, alice)
		s.Do(callstate.OpenMedia{Leg: bob.leg, Offer: bob.sdp("111")})
		talk(100*ms, alice)
		s.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("111")})
		bob.port(one[callstate.AnswerMade](s.bed).SDP)
		for range 20 {
			bob.send(111, false, []byte{1, 2, 3}, 960)
			talk(20*ms, alice)
		}
		s.Do(callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("8")})
		s.take()
		talk(500*ms, all...)
		s.Do(callstate.CloseMedia{Leg: bob.leg})
		if r := s.tapes[recordID{1, 1}]; len(r.legs) != 1 || len(r.sources) != 1 {
			t.Error("a leg that is gone is kept by the recording")
		}
		talk(500*ms, alice)
		s.stop(1)
		x := s.file("a.wav")
		s.holds(x, 100*ms, 1000*ms, all, alice)
		s.holds(x, 1100*ms, 1500*ms, all, all...)
		s.holds(x, 1600*ms, 2000*ms, all, alice)
		if n := strings.Count(log.String(), "cannot be recorded"); n != 1 {
			t.Errorf("%d times in the log:\n%s", n, log.String())
		}
		// What is not known is nothing.
		s.Do(callstate.EndRecord{Call: 1, Ref: 1})
		s.Do(callstate.EndRecord{Call: 2, Ref: 9})
		s.Do(callstate.RecordLegs{Call: 2, Ref: 9, Legs: []callstate.LegID{alice.leg}})
		synctest.Wait()
		if evs := s.take(); len(evs) != 0 {
			t.Errorf("told %+v", evs)
		}
	})
}

// Each leg that cannot be read is noted once, and whoever was never heard is missed at the end.
func TestRecordMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newStudio(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		alice := s.parties(codec.PCMU)[0]
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		mute := []*voice{{handset: s.handset(2, "192.0.2.2:4000")}, {handset: s.handset(3, "192.0.2.3:4000")}}
		for _, v := range mute {
			s.Do(callstate.OpenMedia{Leg: v.leg, Offer: v.sdp("111")})
			s.Do(callstate.MakeAnswer{Leg: v.leg, Offer: v.sdp("111")})
			one[callstate.AnswerMade](s.bed)
		}
		s.record(1, alice, mute[0])
		s.record(1, append(mute, alice)...)
		s.record(1, alice)
		talk(200*ms, alice)
		ev := s.stop(1)
		if want := "not all parties are in it: opus cannot be recorded"; ev.Fail != want {
			t.Errorf("expected %q, got %q", want, ev.Fail)
		}
		s.holds(s.file("a.wav"), 50*ms, 150*ms, []*voice{alice}, alice)
		if n := strings.Count(log.String(), "media: a leg cannot be recorded"); n != 2 {
			t.Errorf("%d times in the log:\n%s", n, log.String())
		}
	})
}

// One leg in two recordings and in a mix: each has all of it, and none is left.
func TestRecordTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t, nil)
		all := s.parties(codec.PCMU, codec.PCMA, codec.G722)
		s.meet(all...)
		s.take()
		s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
		s.record(1, all[0], all[1])
		s.start(callstate.StartRecord{Ref: 2, File: "b.wav"})
		s.record(2, all[1], all[2])
		talk(500*ms, all...)
		s.stop(1)
		s.meet(all[0], all[1]) // the mix is a relay now
		s.Do(callstate.Connect{Leg: all[2].leg})
		talk(500*ms, all...)
		s.stop(2)
		s.holds(s.file("a.wav"), 100*ms, 500*ms, all, all[0], all[1])
		s.holds(s.file("b.wav"), 100*ms, 1000*ms, all, all[1], all[2])
		time.Sleep(100 * ms)
		for _, v := range all {
			if l := s.find(v.leg); l.source != nil || len(l.taped) > 0 {
				t.Error("a source is left of a recording")
			}
		}
		if n := s.ticking(); n != 0 {
			t.Errorf("%d have ticks still", n)
		}
	})
}
