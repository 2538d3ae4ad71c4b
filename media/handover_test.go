package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
)

// Legs go from each back end to each other one and back again and again, while packets flow: nothing is lost, nothing comes
// twice or in another order, and every stream stays one, whether it is relayed, music or a mix.
func TestHandOver(t *testing.T) {
	for _, from := range backends {
		for _, to := range backends {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				t.Parallel()
				handedOver(t, from, to)
			})
		}
	}
}

func handedOver(t *testing.T, from, to backend) {
	other := to.bed(t, nil) // closed after the one whose legs it has
	b := from.bed(t, func(c *Config) { c.Folder = t.TempDir() })
	alice, bob := b.phones("0 101", "0 101")
	carol := b.phone(3)
	b.Do(callstate.OpenMedia{Leg: carol.leg, Offer: carol.sdp("0 101")})
	b.Do(callstate.MakeAnswer{Leg: carol.leg})
	carol.port(one[callstate.AnswerMade](b).SDP)
	b.Do(callstate.Connect{Leg: carol.leg, Play: callstate.Music})
	b.Do(callstate.StartRecord{Call: 1, Ref: 1, File: "a.wav"})
	b.Do(callstate.RecordLegs{Call: 1, Ref: 1, Legs: []callstate.LegID{alice.leg, bob.leg}})

	const packets = 1500
	var f follower
	var wg, ear sync.WaitGroup
	f.follow(carol, &ear)
	var half, done atomic.Int32
	for _, way := range []struct{ from, to *handset }{{alice, bob}, {bob, alice}} {
		wg.Go(func() {
			defer done.Add(1)
			if err := through(way.from, way.to, packets, func() { half.Add(1) }); err != nil {
				t.Errorf("from leg %d to leg %d: %v", way.from.leg.N, way.to.leg.N, err)
			}
		})
	}
	forwarders := []forwarder{other.fwd, b.fwd}
	moves, mixed := 0, false
	all := func(*rtp.Packet) bool { return true }
	for ; done.Load() < 2 || f.since(0, all) <= 20; moves++ {
		leg := []*handset{alice, bob, carol}[moves%3].leg
		if err := b.handOver(leg, forwarders[moves/3%2]); err != nil {
			t.Fatal(err)
		}
		if !mixed && half.Load() > 0 {
			mixed = true
			b.Do(callstate.Connect{Leg: carol.leg, Hears: []callstate.LegID{alice.leg, bob.leg}})
		}
		time.Sleep(2 * time.Millisecond)
	}
	wg.Wait()
	sent, _ := b.LegStats(carol.leg)
	b.Do(callstate.CloseMedia{Leg: carol.leg})
	b.until("carol has heard all", func() bool {
		return f.since(0, all) >= int(sent.Sent)
	})
	carol.conn.Close()
	ear.Wait()
	for i, p := range f.got[1:] {
		if was := f.got[i]; p.SSRC != was.SSRC || p.SequenceNumber != was.SequenceNumber+1 ||
			int32(p.Timestamp-was.Timestamp) < int32(len(was.Payload)) {
			t.Errorf("packet %d: %+v after %+v", i+1, p.Header, was.Header)
		}
	}
	for _, h := range []*handset{alice, bob} {
		if s, _ := b.LegStats(h.leg); s.Received != packets || s.Sent != packets || s.SendErrors+s.Misplaced+s.Stranger+s.Malformed != 0 {
			t.Errorf("leg %d: %+v", h.leg.N, s)
		}
	}
	t.Logf("%d moves, carol heard %d packets", moves, len(f.got))
}

// through sends packets from phone to phone, never more than a few ahead of what has come, so that no socket is full, and
// checks that they come as they were sent.
func through(from, to *handset, packets int, half func()) error {
	const window = 16
	in, out := make([]byte, 2048), make([]byte, 172)
	var first rtp.Packet
	for sent, came := 0, 0; came < packets; came++ {
		for ; sent < packets && sent < came+window; sent++ {
			out[0], out[11] = 0x80, byte(from.ssrc)
			binary.BigEndian.PutUint16(out[2:], uint16(sent))
			binary.BigEndian.PutUint32(out[4:], uint32(160*sent))
			binary.BigEndian.PutUint32(out[12:], uint32(sent))
			if _, err := from.conn.WriteToUDPAddrPort(out, from.to); err != nil {
				return err
			}
		}
		to.conn.SetReadDeadline(time.Now().Add(patience))
		n, _, err := to.conn.ReadFromUDPAddrPort(in)
		if err != nil {
			return fmt.Errorf("%d packets came: %w", came, err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(in[:n]); err != nil {
			return err
		}
		if came == 0 {
			first = p
		}
		if p.SSRC != first.SSRC || p.SequenceNumber != first.SequenceNumber+uint16(came) || p.Timestamp != first.Timestamp+uint32(160*came) ||
			binary.BigEndian.Uint32(p.Payload) != uint32(came) {
			return fmt.Errorf("packet %d: %+v with %x, after %+v", came, p.Header, p.Payload[:4], first.Header)
		}
		if came == packets/2 {
			half()
		}
	}
	return nil
}

// A leg that cannot go over goes on where it is.
func TestHandOverFails(t *testing.T) {
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) {
			b := k.bed(t, nil)
			alice, bob := b.phones("0", "0")
			for _, to := range []forwarder{full{}, startless{b.fwd}} {
				if err := b.handOver(alice.leg, to); err == nil {
					t.Error("it went to one that takes none")
				}
				relay(t, alice, bob)
			}
			b.Do(callstate.CloseMedia{Leg: bob.leg})
			if err := b.handOver(bob.leg, b.fwd); err == nil {
				t.Error("a leg that is closed went over")
			}
		})
	}
	b := newBed(t, nil)
	b.open(1)
	if err := b.handOver(legID(1), b.fwd); !errors.Is(err, errFixed) {
		t.Errorf("on a network in memory: %v", err)
	}
}

// full is a back end that has no room.
type full struct{ forwarder }

func (full) adopt(*os.File) (socket, error) { return nil, errors.New("full") }
func (full) way() string                    { return "nowhere" }

// startless is one that cannot read a socket after all.
type startless struct{ forwarder }

func (f startless) adopt(file *os.File) (socket, error) {
	s, err := f.forwarder.adopt(file)
	return unread{s}, err
}

type unread struct{ socket }

func (unread) start(receiver) error { return net.ErrClosed }

// Legs are closed, and the engine is, while they go over: nothing is left, and nobody waits for ever.
func TestHandOverAndClose(t *testing.T) {
	for i, from := range backends {
		to := backends[(i+2)%len(backends)]
		t.Run(from.name+" to "+to.name, func(t *testing.T) {
			other := to.bed(t, nil)
			for range 10 {
				b := from.bed(t, nil)
				alice, bob := b.phones("0 101", "0 101")
				stopAlice, stopBob := alice.flood(), bob.flood()
				var wg sync.WaitGroup
				for _, h := range []*handset{alice, bob} {
					wg.Go(func() {
						forwarders := []forwarder{other.fwd, b.fwd}
						for i := 0; b.handOver(h.leg, forwarders[i%2]) == nil; i++ {
						}
					})
				}
				time.Sleep(3 * time.Millisecond)
				b.Do(callstate.CloseMedia{Leg: alice.leg})
				b.Close()
				wg.Wait()
				stopAlice()
				stopBob()
				alice.conn.Close()
				bob.conn.Close()
			}
		})
	}
}
