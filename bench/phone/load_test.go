package phone

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
)

// Many phones live in one process: every pair talks for two seconds, nobody misses a packet, and nothing is left.
func TestManyPhonesAtOnce(t *testing.T) {
	const pairs = 50
	bubble(t, func(t *testing.T) {
		n := memnet.New(memnet.Options{Delay: 5 * time.Millisecond})
		t.Cleanup(func() { n.Close() })
		results := make(chan error, pairs)
		for i := range pairs {
			to := fmt.Sprintf("192.0.2.2:%d", 5000+i)
			start(t, Config{Number: "b", Local: to, Net: Over(n.ListenPacket), OnInvite: func(c *Call) {
				if c.Answer() == nil {
					c.Media.SendTone(500 + 10*i)
				}
			}})
			a := start(t, Config{Number: "a", Local: fmt.Sprintf("192.0.2.1:%d", 5000+i), Server: to, Net: Over(n.ListenPacket)})
			go func() { results <- talk(t, a, 500+10*i) }()
		}
		for range pairs {
			must(t, <-results)
		}
		synctest.Wait()
		if s := n.Stats(); s.Overflow+s.Unbound > pairs { // a packet or so that crossed the BYE
			t.Errorf("%+v", s)
		}
	})
}

func talk(t testing.TB, p *Phone, hz int) error {
	c, err := p.Dial(t.Context(), "b")
	if err != nil {
		return err
	}
	if err := c.WaitAnswer(t.Context()); err != nil {
		return err
	}
	if err := c.Media.WaitTone(t.Context(), hz); err != nil {
		return err
	}
	c.Media.Mark()
	time.Sleep(2 * time.Second) // virtual: the caller is in a bubble
	if gap := c.Media.Gap(); gap > 20*time.Millisecond || c.Media.Tone() != hz {
		return fmt.Errorf("gap %v, tone %d, want %d", gap, c.Media.Tone(), hz)
	}
	return c.Hangup()
}

// One 20 ms step of a sender, without the socket.
func BenchmarkSenderStep(b *testing.B) {
	n := memnet.New(memnet.Options{})
	defer n.Close()
	m, err := newMedia(Over(n.ListenPacket), "192.0.2.1", true, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer m.close()
	m.codec, m.maySend, m.remote = known["pcmu"], true, m.local
	m.sender.playing, m.sender.wave = true, wave{f1: 440}
	b.ReportAllocs()
	for b.Loop() {
		m.step(time.Now())
	}
}
