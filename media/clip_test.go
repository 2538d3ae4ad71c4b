package media

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/tone"
)

// library is one on a folder with a file in it, of a tone.
func library(t testing.TB, name string, file []byte) *Library {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), file, 0o600); err != nil {
		t.Fatal(err)
	}
	l := NewLibrary(LibraryConfig{Folder: folder})
	t.Cleanup(l.Close)
	return l
}

// clipOf is the clip of a file.
func clipOf(t testing.TB, l *Library, name string) callstate.Clip {
	t.Helper()
	c, err := l.File(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withClip is a bed whose engine can play one file.
func withClip(t testing.TB, file []byte) (*bed, callstate.Clip) {
	l := library(t, "a.wav", file)
	return newBed(t, func(c *Config) { c.Library = l }), clipOf(t, l, "a.wav")
}

// A file in stereo at 44100 Hz is heard, as loud and as long as it is, in every codec; then what was heard before.
func TestClip(t *testing.T) {
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, clip := withClip(t, wave(44100, 2, 700, 700))
				alice := b.parties(k)[0]
				b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Silence})
				time.Sleep(110 * time.Millisecond) // between two ticks
				b.take()
				b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 7, Clip: clip})
				time.Sleep(2*time.Second + 9*time.Millisecond)
				if got := b.take(); len(got) != 0 {
					t.Errorf("told before the end: %+v", got)
				}
				time.Sleep(2 * time.Millisecond)
				if ev := one[callstate.ClipEnded](b); ev != (callstate.ClipEnded{On: callstate.On{Leg: alice.leg}, Ref: 7}) {
					t.Errorf("%+v", ev)
				}
				time.Sleep(200 * time.Millisecond)
				s := alice.listen()
				if n := len(s.packets); n < 115 || n > 117 {
					t.Errorf("%d packets in 2.3 s", n)
				}
				for at := 130 * time.Millisecond; at < 2*time.Second; at += 100 * time.Millisecond {
					if l := s.part(at, at+100*time.Millisecond).level(700); l < 0.238 || l > 0.25 {
						t.Errorf("%v: 700 Hz at %.3f", at, l)
					}
				}
				for _, silent := range []sound{s.part(0, 80*time.Millisecond), s.part(2130*time.Millisecond, time.Hour)} {
					if l := silent.level(700); l > 0.001 {
						t.Errorf("700 Hz at %.4f before or after it", l)
					}
				}
			})
		})
	}
}

// clipped is a bed with alice, who hears silence, and what a clip of 1 s is to her.
func clipped(t *testing.T, k codec.Kind) (*bed, *voice, callstate.Clip) {
	b, clip := withClip(t, wave(8000, 1, 700))
	alice := b.parties(k)[0]
	b.Do(callstate.Connect{Leg: alice.leg, Play: callstate.Silence})
	time.Sleep(110 * time.Millisecond) // between two ticks
	b.take()
	return b, alice, clip
}

// ClipEnded is told once however a clip ends, at its time, and never after CloseMedia.
func TestClipEnds(t *testing.T) {
	const second = time.Second
	at := func(d time.Duration, cmd callstate.MediaCommand) func(*bed) {
		return func(b *bed) { time.Sleep(d); b.Do(cmd) }
	}
	leg := legID(1)
	for name, c := range map[string]struct {
		play callstate.PlayClip
		then func(*bed)
		want map[time.Duration]string // when it is told, to 20 ms, after the play: "ref fail"
	}{
		"end":              {callstate.PlayClip{}, nil, map[time.Duration]string{second: "7 "}},
		"limit":            {callstate.PlayClip{Limit: 500 * time.Millisecond}, nil, map[time.Duration]string{second / 2: "7 "}},
		"limit after end":  {callstate.PlayClip{Limit: 2 * second}, nil, map[time.Duration]string{second: "7 "}},
		"repeat to limit":  {callstate.PlayClip{Limit: 3500 * time.Millisecond, Repeat: true}, nil, map[time.Duration]string{3500 * time.Millisecond: "7 "}},
		"repeat to stop":   {callstate.PlayClip{Repeat: true}, at(2500*time.Millisecond, callstate.StopClip{Leg: leg}), map[time.Duration]string{2500 * time.Millisecond: "7 "}},
		"stop":             {callstate.PlayClip{}, at(300*time.Millisecond, callstate.StopClip{Leg: leg}), map[time.Duration]string{300 * time.Millisecond: "7 "}},
		"stop after end":   {callstate.PlayClip{}, at(1300*time.Millisecond, callstate.StopClip{Leg: leg}), map[time.Duration]string{second: "7 "}},
		"unknown":          {callstate.PlayClip{Clip: "tune#9"}, nil, map[time.Duration]string{0: "7 there is no clip tune#9, or no longer"}},
		"no leg":           {callstate.PlayClip{}, nil, map[time.Duration]string{0: "7 no stream"}},
		"replaced by none": {callstate.PlayClip{}, at(400*time.Millisecond, callstate.PlayClip{Leg: leg, Ref: 8, Clip: "x"}), map[time.Duration]string{400 * time.Millisecond: "7 , 8 there is no clip x, or no longer"}},
		"closed":           {callstate.PlayClip{}, at(300*time.Millisecond, callstate.CloseMedia{Leg: leg}), nil},
		"no more stream": {callstate.PlayClip{}, func(b *bed) {
			time.Sleep(300 * time.Millisecond)
			b.Do(callstate.MakeAnswer{Leg: leg, Offer: []byte("v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n")})
		}, map[time.Duration]string{second: "7 "}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, _, clip := clipped(t, codec.PCMU)
				start := time.Now()
				if c.play.Leg = legID(1); name == "no leg" {
					c.play.Leg = legID(9)
				}
				c.play.Ref = 7
				if c.play.Clip == "" {
					c.play.Clip = clip
				}
				b.Do(c.play)
				got := map[time.Duration]string{}
				if c.then != nil {
					go c.then(b)
				}
				for time.Since(start) < 6*time.Second {
					synctest.Wait()
					for _, ev := range b.take() {
						if e, ok := ev.(callstate.ClipEnded); ok {
							d := time.Since(start).Truncate(20 * time.Millisecond)
							if got[d] != "" {
								got[d] += ", "
							}
							got[d] += fmt.Sprint(e.Ref, " ", e.Fail)
						}
					}
					time.Sleep(5 * time.Millisecond)
				}
				if !maps.Equal(got, c.want) {
					t.Errorf("got  %q\nwant %q", got, c.want)
				}
				if l := b.cfg.Library; l.clips[clip].plays != 0 {
					t.Errorf("the clip is said to play %d times", l.clips[clip].plays)
				}
			})
		})
	}
}

// Edge case A7: a clip that replaces another is told after the end of that one, and is heard from its beginning.
func TestClipReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, first := clipped(t, codec.PCMU)
		second, err := b.cfg.Library.Beep(1500, 500*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 1, Clip: first})
		time.Sleep(300 * time.Millisecond)
		alice.listen()
		b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 2, Clip: second})
		time.Sleep(600 * time.Millisecond)
		got := b.take()
		if want := []callstate.Event{callstate.ClipEnded{On: callstate.On{Leg: alice.leg}, Ref: 1},
			callstate.ClipEnded{On: callstate.On{Leg: alice.leg}, Ref: 2}}; !slices.Equal(got, want) {
			t.Errorf("got %+v", got)
		}
		s := alice.listen()
		if l := s.part(20*time.Millisecond, 480*time.Millisecond).level(1500); l < 0.21 || l > 0.23 {
			t.Errorf("the beep at %.3f", l)
		}
		if l := s.part(0, 480*time.Millisecond).level(700); l > 0.005 {
			t.Errorf("the first clip at %.3f", l)
		}
	})
}

// A clip for a leg whose codec cannot be made waits 5 s for another one, and ends if none comes.
func TestClipNeedsCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, clip := withClip(t, wave(8000, 1, 700))
		alice := b.handset(1, "192.0.2.1:4000")
		b.Do(callstate.OpenMedia{Leg: alice.leg, Offer: alice.sdp("111 0")})
		for i, offer := range []string{"", "111"} {
			if offer != "" {
				b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp(offer)})
			}
			b.take()
			b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 1, Clip: clip})
			time.Sleep(4900 * time.Millisecond)
			if got := b.take(); len(got) != 0 {
				t.Errorf("%d: %+v", i, got)
			}
			time.Sleep(200 * time.Millisecond)
			want := []string{"nothing was negotiated", "audio cannot be made in opus"}[i]
			if ev := one[callstate.ClipEnded](b); ev.Fail != want {
				t.Errorf("%d: %+v", i, ev)
			}
		}
		b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 2, Clip: clip, Limit: 2 * time.Second})
		time.Sleep(4 * time.Second)
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0")})
		b.take()
		time.Sleep(1100 * time.Millisecond)
		if ev := one[callstate.ClipEnded](b); ev.Fail != "" || ev.Ref != 2 {
			t.Errorf("%+v", ev)
		}
		if n := len(alice.hear()); n != 50 {
			t.Errorf("%d packets of 1 s", n)
		}
	})
}

// While a phone is on hold a clip goes on unsent, in its time.
func TestClipOnHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, alice, clip := clipped(t, codec.PCMU)
		b.Do(callstate.PlayClip{Leg: alice.leg, Ref: 1, Clip: clip})
		time.Sleep(300 * time.Millisecond)
		before := alice.hear()
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0", "a=sendonly")})
		time.Sleep(400 * time.Millisecond)
		if n := len(alice.hear()); n != 0 {
			t.Errorf("%d packets on hold", n)
		}
		b.Do(callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0")})
		b.take()
		time.Sleep(320 * time.Millisecond)
		one[callstate.ClipEnded](b)
		after := alice.hear()
		law, last := b.cfg.Library.clips[clip].law[tone.MuLaw], before[len(before)-1]
		if p := after[0]; p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp-last.Timestamp != 21*160 {
			t.Errorf("%+v after %+v", p.Header, last.Header)
		}
		// What is over by then is 35 frames; silence follows the end of the clip.
		if got := after[14].Payload; !bytes.Equal(got, law[49*160:]) || bytes.Equal(got, law[48*160:49*160]) {
			t.Errorf("it does not go on at frame 35")
		}
	})
}

// Two hundred phones hear a clip at once, without one missing packet.
func TestClipsTwoHundred(t *testing.T) {
	const phones = 200
	synctest.Test(t, func(t *testing.T) {
		l := library(t, "a.wav", wave(44100, 2, 700))
		clip := clipOf(t, l, "a.wav")
		b := newBed(t, func(c *Config) { c.Library, c.PortMin, c.PortMax = l, 20000, 20999 })
		var all []*voice
		for i := range uint32(phones) {
			h := b.handset(i+1, fmt.Sprintf("192.0.2.%d:%d", 1+i%100, 4000+2*i))
			all = append(all, b.party(h, kinds[i%3], ""))
		}
		for _, v := range all {
			b.Do(callstate.PlayClip{Leg: v.leg, Ref: 1, Clip: clip})
		}
		time.Sleep(2500 * time.Millisecond)
		if n := len(b.take()); n != phones {
			t.Errorf("%d clips ended", n)
		}
		for _, v := range all {
			s := v.listen()
			if len(s.packets) != 100 {
				t.Errorf("leg %d: %d packets of 2 s", v.leg.N, len(s.packets))
			}
			for i, p := range s.packets[1:] {
				if p.Timestamp != s.packets[i].Timestamp+160 {
					t.Errorf("leg %d, packet %d: %+v", v.leg.N, i+1, p.Header)
				}
			}
			if level := s.part(100*time.Millisecond, 1900*time.Millisecond).level(700); level < 0.238 || level > 0.25 {
				t.Errorf("leg %d: 700 Hz at %.3f", v.leg.N, level)
			}
		}
	})
}
