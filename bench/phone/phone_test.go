package phone

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
)

// couple makes two phones that call each other directly on a network in memory.
func couple(t testing.TB, o memnet.Options, change func(alice, bob *Config)) (alice, bob *Phone, n *memnet.Network) {
	t.Helper()
	n = memnet.New(o)
	a := Config{Number: "alice", Local: "192.0.2.1:5060", Server: "192.0.2.2:5060", Net: Over(n.ListenPacket), Seed: 1}
	b := Config{Number: "bob", Local: "192.0.2.2:5060", Server: "192.0.2.1:5060", Net: Over(n.ListenPacket), Seed: 1}
	if change != nil {
		change(&a, &b)
	}
	alice, bob = start(t, a), start(t, b)
	t.Cleanup(func() { n.Close() })
	return alice, bob, n
}

func start(t testing.TB, c Config) *Phone {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) { t.Helper(); synctest.Test(t, f) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// connect has alice call bob and bob answer.
func connect(t testing.TB, alice, bob *Phone, opts ...Option) (out, in *Call) {
	t.Helper()
	ctx := t.Context()
	out, err := alice.Dial(ctx, "bob", opts...)
	must(t, err)
	in, err = bob.WaitCall(ctx)
	must(t, err)
	must(t, in.Ring())
	must(t, out.WaitRinging(ctx))
	must(t, in.Answer())
	must(t, out.WaitAnswer(ctx))
	_, err = in.WaitAck(ctx)
	must(t, err)
	return out, in
}

// expect checks message counts, written as "in INVITE 0": 1 and so on.
func expect(t testing.TB, p *Phone, want map[string]int) {
	t.Helper()
	for text, n := range want {
		var way, method string
		var status int
		fmt.Sscan(text, &way, &method, &status)
		if got := p.Count(Key{Out: way == "out", Method: method, Status: status}); got != n {
			t.Errorf("%s: %s: got %d, want %d\n%s", p.cfg.Number, text, got, n, p.Ladder())
		}
	}
}

func TestCallAndHangup(t *testing.T) {
	for _, byCaller := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			alice, bob, _ := couple(t, memnet.Options{Delay: 10 * time.Millisecond}, nil)
			out, in := connect(t, alice, bob)
			first, second := out, in
			if !byCaller {
				first, second = in, out
			}
			must(t, first.Hangup())
			if e, err := second.WaitEnd(t.Context()); err != nil || !e.Remote || e.Message.Method != "BYE" {
				t.Fatalf("end %+v, error %v", e, err)
			}
			time.Sleep(time.Minute)
			expect(t, alice, map[string]int{"out INVITE 0": 1, "in INVITE 180": 1, "in INVITE 200": 1, "out ACK 0": 1})
			expect(t, bob, map[string]int{"in INVITE 0": 1, "in ACK 0": 1, "out INVITE 200": 1})
			if sum := alice.Received("BYE", 200) + bob.Received("BYE", 200); sum != 1 {
				t.Errorf("%d answers to BYE\n%s", sum, alice.Ladder())
			}
			if len(alice.clients)+len(alice.servers)+len(bob.clients)+len(bob.servers)+len(alice.calls)+len(bob.calls) > 0 {
				t.Error("transactions or calls are left after a minute")
			}
		})
	}
}

func TestTonesBothWays(t *testing.T) {
	for _, codec := range []string{"PCMU", "PCMA", "G722", "opus@96"} {
		t.Run(codec, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				alice, bob, _ := couple(t, memnet.Options{Delay: 30 * time.Millisecond, Jitter: 30 * time.Millisecond},
					func(a, b *Config) { a.Codecs, b.Codecs = []string{codec}, []string{"opus", "G722", "PCMA", "PCMU"} })
				out, in := connect(t, alice, bob)
				out.Media.SendTone(440)
				in.Media.SendTone(1000)
				must(t, in.Media.WaitTone(t.Context(), 440))
				must(t, out.Media.WaitTone(t.Context(), 1000))
				time.Sleep(time.Second)
				if in.Media.Hears(1000, 100*time.Millisecond) || in.Media.Tone() != 440 || out.Media.Tone() != 1000 {
					t.Errorf("bob hears %d, alice %d", in.Media.Tone(), out.Media.Tone())
				}
				out.Media.SendSilence()
				must(t, in.Media.WaitSilence(t.Context()))
				s := in.Media.Stats()
				if s.Lost+s.Duplicates+s.Late+s.Backward+s.Bad != 0 || s.Packets < 50 || len(s.SSRCs) != 1 {
					t.Errorf("%+v", s)
				}
				in.Media.Stop()
				must(t, out.Media.WaitSilence(t.Context()))
				if gap := in.Media.Gap(); gap < 20*time.Millisecond {
					t.Errorf("gap %v", gap)
				}
			})
		})
	}
}

func TestHoldAndResume(t *testing.T) {
	tests := []struct{ how, answer string }{{SendOnly, RecvOnly}, {Inactive, Inactive}, {"0.0.0.0", RecvOnly}}
	for _, tt := range tests {
		t.Run(tt.how, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				alice, bob, _ := couple(t, memnet.Options{}, nil)
				out, in := connect(t, alice, bob)
				in.Media.SendTone(440)
				must(t, out.Media.WaitTone(t.Context(), 440))
				must(t, out.Hold(t.Context(), tt.how))
				if d := out.Remote().Direction; d != tt.answer {
					t.Errorf("answered %s, want %s", d, tt.answer)
				}
				must(t, out.Media.WaitSilence(t.Context()))
				must(t, out.Resume(t.Context()))
				must(t, out.Media.WaitTone(t.Context(), 440))
				synctest.Wait()
				expect(t, bob, map[string]int{"in INVITE 0": 3, "in ACK 0": 3})
			})
		})
	}
}

func TestDigits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: time.Millisecond}, nil)
		out, in := connect(t, alice, bob)
		ctx := t.Context()
		out.Media.SendTone(440)
		for _, d := range "15#A" {
			must(t, out.Media.SendDigit4733(d, 100))
		}
		must(t, in.Media.WaitDigits(ctx, "15#A"))
		for i, d := range in.Media.Digits() {
			if !d.Marker || d.Ends != 3 || d.Duration != 800 || len(d.Packets) != 4+3 {
				t.Errorf("digit %d: %+v", i, d)
			}
		}
		must(t, out.Media.WaitSent(ctx))
		out.Media.Stop()
		for _, d := range "0123456789*#ABCD" {
			must(t, out.Media.SendDigitInband(d, 100))
		}
		must(t, in.Media.WaitInband(ctx, "0123456789*#ABCD"))
		if s := in.Media.Stats(); s.Lost+s.Duplicates+s.Backward != 0 {
			t.Errorf("%+v", s)
		}
		m, err := out.Info(ctx, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n")
		must(t, err)
		got, err := in.WaitRequest(ctx, "INFO", 1)
		must(t, err)
		if m.Status != 200 || !strings.HasPrefix(string(got.Body), "Signal=5") {
			t.Errorf("%d %q", m.Status, got.Body)
		}
	})
}

func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: 10 * time.Millisecond}, nil)
		ctx := t.Context()
		out, err := alice.Dial(ctx, "bob")
		must(t, err)
		must(t, out.Cancel()) // before any provisional: held back
		in, err := bob.WaitCall(ctx)
		must(t, err)
		time.Sleep(time.Second)
		expect(t, alice, map[string]int{"out CANCEL 0": 0})
		must(t, in.Ring())
		for _, c := range []*Call{out, in} {
			if e, err := c.WaitEnd(ctx); err != nil || e.Status != 487 || !e.Remote {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		time.Sleep(time.Minute)
		expect(t, alice, map[string]int{"out CANCEL 0": 1, "in CANCEL 200": 1, "in INVITE 487": 1, "out ACK 0": 1})
	})
}

func TestCancelCrossesAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: 100 * time.Millisecond}, nil)
		ctx := t.Context()
		out, err := alice.Dial(ctx, "bob")
		must(t, err)
		in, err := bob.WaitCall(ctx)
		must(t, err)
		must(t, in.Ring())
		must(t, out.WaitRinging(ctx))
		must(t, in.Answer())
		must(t, out.Cancel())
		if e, err := in.WaitEnd(ctx); err != nil || e.Message.Method != "BYE" {
			t.Fatalf("%+v, %v\n%s", e, err, bob.Ladder())
		}
		expect(t, bob, map[string]int{"in ACK 0": 1, "in CANCEL 0": 1, "out CANCEL 200": 1, "in BYE 0": 1})
	})
}

func TestReject(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{}, nil)
		out, err := alice.Dial(t.Context(), "bob", WithHeader("X-Test", "1"))
		must(t, err)
		in, err := bob.WaitCall(t.Context())
		must(t, err)
		must(t, in.Reject(486, "", WithHeader("Reason", "Q.850;cause=17")))
		err = out.WaitAnswer(t.Context())
		if e, ok := err.(*StatusError); !ok || e.Response.Status != 486 || e.Response.Get("Reason") == "" {
			t.Fatal(err)
		}
		if in.Invite.Get("X-Test") != "1" {
			t.Error(in.Invite)
		}
	})
}

func TestRetransmissionTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, _, n := couple(t, memnet.Options{Loss: 1}, nil)
		began := time.Now()
		out, err := alice.Dial(t.Context(), "bob")
		must(t, err)
		e, err := out.WaitEnd(t.Context())
		if must(t, err); e.Remote || time.Since(began) != 32*time.Second {
			t.Errorf("%+v after %v", e, time.Since(began))
		}
		var at []time.Duration
		for _, l := range alice.Transcript() {
			at = append(at, l.At.Sub(began))
		}
		if got := fmt.Sprint(at); got != "[0s 500ms 1.5s 3.5s 7.5s 15.5s 31.5s]" {
			t.Errorf("INVITEs at %s; %+v", got, n.Stats())
		}
	})
}

func TestEveryFlowUnderLoss(t *testing.T) {
	for seed := range uint64(20) {
		bubble(t, func(t *testing.T) {
			lossy := memnet.Options{Seed: seed, Loss: 0.2, Dup: 0.1, Reorder: 0.05, Delay: 5 * time.Millisecond}
			alice, bob, _ := couple(t, lossy, nil)
			ctx := t.Context()
			out, err := alice.Dial(ctx, "bob")
			must(t, err)
			in, err := bob.WaitCall(ctx)
			must(t, err)
			must(t, in.Ring())
			must(t, in.Answer())
			must(t, out.WaitAnswer(ctx))
			_, err = in.WaitAck(ctx)
			must(t, err)
			must(t, out.Hold(ctx, SendOnly))
			must(t, out.Resume(ctx))
			must(t, out.Hangup())
			_, err = in.WaitEnd(ctx)
			must(t, err)
			time.Sleep(2 * time.Minute)
			expect(t, bob, map[string]int{"in INVITE 0": 3, "in BYE 0": 1})
			expect(t, alice, map[string]int{"in INVITE 200": 3, "out ACK 0": 3})
		})
	}
}

func TestManualAckAndOfferless(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{}, nil)
		ctx := t.Context()
		out, err := alice.Dial(ctx, "bob", WithoutSDP(), ManualAck())
		must(t, err)
		in, err := bob.WaitCall(ctx)
		must(t, err)
		must(t, in.Answer())
		must(t, out.WaitAnswer(ctx))
		time.Sleep(5 * time.Second)
		if n := alice.Count(Key{Method: "INVITE", Status: 200, Repeat: true}); n != 3 { // 0.5 1.5 3.5 s
			t.Errorf("%d repeated 2xx", n)
		}
		must(t, out.Ack(""))
		_, err = in.WaitAck(ctx)
		must(t, err)
		out.Media.SendTone(440)
		in.Media.SendTone(1000)
		must(t, in.Media.WaitTone(ctx, 440))
		must(t, out.Media.WaitTone(ctx, 1000))
	})
}

func TestNoAckEndsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{}, nil)
		_, err := alice.Dial(t.Context(), "bob", ManualAck())
		must(t, err)
		in, err := bob.WaitCall(t.Context())
		must(t, err)
		must(t, in.Answer(WithoutRepeat()))
		if _, err := in.WaitEnd(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, bob, map[string]int{"out BYE 0": 1, "out INVITE 200": 1})
	})
}

func TestTCP(t *testing.T) {
	bob := start(t, Config{Number: "bob", Transport: "tcp"})
	alice := start(t, Config{Number: "alice", Transport: "tcp", Server: bob.Addr().String()})
	out, in := connect(t, alice, bob)
	out.Media.SendTone(440)
	must(t, in.Media.WaitTone(t.Context(), 440))
	must(t, in.Hold(t.Context(), SendOnly))
	must(t, in.Hangup())
	_, err := out.WaitEnd(t.Context())
	must(t, err)
}

func TestRealUDP(t *testing.T) {
	bob := start(t, Config{Number: "bob", AutoAnswer: true})
	alice := start(t, Config{Number: "alice", Server: bob.Addr().String()})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c, err := alice.Dial(t.Context(), "bob")
			if err == nil {
				err = c.WaitAnswer(t.Context())
			}
			if err == nil {
				err = c.Hangup()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestCloseUnblocksWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, _, _ := couple(t, memnet.Options{}, nil)
		result := make(chan error, 1)
		go func() { _, err := alice.WaitCall(context.Background()); result <- err }()
		synctest.Wait()
		alice.Close()
		if err := <-result; err != ErrClosed {
			t.Fatal(err)
		}
	})
}
