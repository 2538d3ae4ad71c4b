package media

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
)

// follower collects what a phone hears, as its socket gets it, from one goroutine.
type follower struct {
	mu  sync.Mutex
	got []*rtp.Packet
	at  []time.Time
}

func (f *follower) follow(h *handset, wg *sync.WaitGroup) {
	h.conn.SetReadDeadline(time.Now().Add(time.Minute))
	wg.Go(func() {
		b := make([]byte, 4096)
		for {
			n, _, err := h.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return // closed
			}
			p := &rtp.Packet{}
			if p.Unmarshal(bytes.Clone(b[:n])) == nil {
				f.mu.Lock()
				f.got, f.at = append(f.got, p), append(f.at, time.Now())
				f.mu.Unlock()
			}
		}
	})
}

// since is how many packets from the first-th on are so.
func (f *follower) since(first int, so func(*rtp.Packet) bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.got[first:] {
		if so(p) {
			n++
		}
	}
	return n
}

// Bob's stream, seen from his phone alone, over real sockets and in real time on each back end: whatever feeds it, and
// whatever listens to what feeds it, it stays one SSRC, one sequence without a gap and one timeline that goes with the
// clock.
func TestMoves(t *testing.T) {
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			moves(t, k)
		})
	}
}

func moves(t *testing.T, k backend) {
	lib := library(t, "a.wav", wave(8000, 1, 700))
	clip := clipOf(t, lib, "a.wav")
	b := k.bed(t, func(c *Config) { c.Library, c.Folder = lib, t.TempDir() })
	alice, bob := b.phones("0 101", "0 101")
	carol := b.phone(3)
	b.Do(callstate.OpenMedia{Leg: carol.leg, Offer: carol.sdp("0 101")})
	b.Do(callstate.MakeAnswer{Leg: carol.leg})
	carol.port(one[callstate.AnswerMade](b).SDP)

	var f follower
	var wg sync.WaitGroup
	f.follow(bob, &wg)
	quit := make(chan struct{})
	voices := map[*handset][]byte{alice: bytes.Repeat([]byte{0x11}, 160), carol: bytes.Repeat([]byte{0x22}, 160)}
	wg.Go(func() {
		beat := time.NewTicker(20 * time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				for h, voice := range voices {
					h.send(0, false, voice, 160)
				}
			case <-quit:
				return
			}
		}
	})
	stop := sync.OnceFunc(func() { close(quit); bob.conn.Close(); wg.Wait() })
	t.Cleanup(stop)

	from := func(h *handset) func(*rtp.Packet) bool {
		return func(p *rtp.Packet) bool { return p.PayloadType == 0 && bytes.Equal(p.Payload, voices[h]) }
	}
	made := func(p *rtp.Packet) bool { return p.PayloadType == 0 && !from(alice)(p) && !from(carol)(p) }
	event := func(p *rtp.Packet) bool { return p.PayloadType == 101 }
	hear := func(h ...callstate.LegID) callstate.Connect { return callstate.Connect{Leg: bob.leg, Hears: h} }
	for _, move := range []struct {
		what string
		do   []callstate.MediaCommand
		so   func(*rtp.Packet) bool
	}{
		{"relayed", nil, from(alice)},
		{"mixed", []callstate.MediaCommand{hear(alice.leg, carol.leg)}, made},
		{"relayed from another", []callstate.MediaCommand{hear(carol.leg)}, from(carol)},
		{"music", []callstate.MediaCommand{callstate.Connect{Leg: bob.leg, Play: callstate.Music}}, made},
		{"relayed again", []callstate.MediaCommand{hear(alice.leg)}, from(alice)},
		{"recorded", []callstate.MediaCommand{callstate.StartRecord{Call: 1, Ref: 1, File: "a.wav"},
			callstate.RecordLegs{Call: 1, Ref: 1, Legs: []callstate.LegID{alice.leg, bob.leg}}}, from(alice)},
		{"a clip", []callstate.MediaCommand{callstate.PlayClip{Leg: bob.leg, Ref: 2, Clip: clip, Repeat: true}}, made},
		{"after the clip", []callstate.MediaCommand{callstate.StopClip{Leg: bob.leg}}, from(alice)},
		{"a digit", []callstate.MediaCommand{callstate.SendDigits{Leg: bob.leg, Ref: 3, Digits: "5", Way: callstate.ByEvent}}, event},
		{"after the digit", nil, from(alice)},
		{"in a recorded mix", []callstate.MediaCommand{hear(alice.leg, carol.leg)}, made},
		{"no longer recorded", []callstate.MediaCommand{callstate.EndRecord{Call: 1, Ref: 1}, hear(alice.leg)}, from(alice)},
		{"negotiated again", []callstate.MediaCommand{callstate.MakeAnswer{Leg: bob.leg, Offer: bob.sdp("0 101")},
			callstate.MakeAnswer{Leg: alice.leg, Offer: alice.sdp("0 101")}}, from(alice)},
		{"a key of the peer's tapped", []callstate.MediaCommand{callstate.TakeDigits{Leg: alice.leg, Inband: true}}, from(alice)},
	} {
		first := f.since(0, func(*rtp.Packet) bool { return true })
		for _, c := range move.do {
			b.Do(c)
		}
		b.until("bob hears what is "+move.what, func() bool { return f.since(first, move.so) >= 5 })
	}
	stop()
	oneStream(t, &f)
	if s, _ := b.LegStats(bob.leg); s.Sent < uint64(len(f.got)) || s.SendErrors != 0 || s.Misplaced != 0 {
		t.Errorf("%d packets came of %+v", len(f.got), s)
	}
}

// oneStream checks every packet after the one before it.
func oneStream(t *testing.T, f *follower) {
	t.Helper()
	for i, p := range f.got[1:] {
		before := f.got[i]
		again := p.PayloadType == 101 && !p.Marker // of the same event
		switch d := int32(p.Timestamp - before.Timestamp); {
		case p.SSRC != before.SSRC, p.SequenceNumber != before.SequenceNumber+1, again != (d == 0), d < 0:
			t.Errorf("packet %d: %+v after %+v", i+1, p.Header, before.Header)
		}
	}
	last := len(f.got) - 1
	went := time.Duration(f.got[last].Timestamp-f.got[0].Timestamp) * time.Second / 8000
	if took := f.at[last].Sub(f.at[0]); (went - took).Abs() > 300*time.Millisecond {
		t.Errorf("the timeline went on by %s in %s", went, took)
	}
}
