package exchange

import (
	"fmt"
	"testing"

	"ringdown/callstate"
)

// port signals each command.
type port chan struct{}

func (p port) Do(callstate.Signal) { p <- struct{}{} }

type deaf struct{}

func (deaf) Do(callstate.MediaCommand) {}

// one is a call that answers each event with the same commands.
type one struct {
	out  []callstate.Command
	show callstate.Summary
}

func (o *one) Step(callstate.Input) []callstate.Command { return o.out }
func (o *one) Summary() *callstate.Summary              { s := o.show; return &s }

// BenchmarkEvent is the way of one event to an idle call: Post, goroutine, Step, one command; waited for each time.
func BenchmarkEvent(b *testing.B) {
	did := make(port, 1)
	x := newWith(Config{Signaller: did, Media: deaf{}}, func(callstate.CallID) stepper {
		return &one{out: []callstate.Command{callstate.Ring{Status: 180}}}
	})
	x.Post(offer(1))
	<-did
	var ev callstate.Event = confirmed(1)
	b.ReportAllocs()
	for b.Loop() {
		x.Post(ev)
		<-did
	}
	x.Close()
}

// BenchmarkBusyCall is the same without the wait: the goroutine finds the next event when it is done with one.
func BenchmarkBusyCall(b *testing.B) {
	did := make(port, 200)
	x := newWith(Config{Signaller: did, Media: deaf{}}, func(callstate.CallID) stepper {
		return &one{out: []callstate.Command{callstate.Ring{Status: 180}}}
	})
	x.Post(offer(1))
	var ev callstate.Event = confirmed(1)
	b.ReportAllocs()
	n := 1
	for b.Loop() {
		x.Post(ev)
		if n++; n >= 100 {
			<-did
			n--
		}
	}
	go func() {
		for range did {
		}
	}()
	x.Close()
	close(did)
}

// BenchmarkCall is a call that starts, has 13 more events, and ends.
func BenchmarkCall(b *testing.B) {
	x := newWith(Config{Signaller: make(port), Media: deaf{}}, func(id callstate.CallID) stepper {
		return &script{id: id, steps: func(s *script, in callstate.Input) []callstate.Command {
			if _, ok := in.Ev.(callstate.LegEnded); ok {
				return s.ended()
			}
			return nil
		}}
	})
	ended := make(chan struct{}, 1)
	x.Watch(func(callstate.Notice) { ended <- struct{}{} })
	b.ReportAllocs()
	for b.Loop() {
		id := x.NewCallID()
		x.Post(offer(id))
		for range 13 {
			x.Post(confirmed(id))
		}
		x.Post(callstate.LegEnded{On: callstate.On{Leg: leg(id, 1)}})
		<-ended
	}
}

func BenchmarkList(b *testing.B) {
	for _, n := range []int{100, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x := newWith(Config{Signaller: make(port), Media: deaf{}}, func(id callstate.CallID) stepper { return &script{id: id} })
			for range n {
				x.Post(offer(x.NewCallID()))
			}
			b.ReportAllocs()
			for b.Loop() {
				if got := len(x.List()); got != n {
					b.Fatal(got)
				}
			}
			x.Close()
		})
	}
}
