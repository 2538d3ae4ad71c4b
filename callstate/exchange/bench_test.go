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
	defer x.Close()
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

// phones are adapters that answer each command at once, from the goroutine of the test, as sockets would: so the call comes
// to rest between any two events.
type phones struct{ events chan callstate.Event }

func (p phones) post(ev callstate.Event) { p.events <- ev }

type switching struct{ phones }

func (p switching) Do(c callstate.MediaCommand) {
	sdp, facts := []byte("v=0\r\n"), callstate.Facts{Codec: "PCMA/8000", Direction: callstate.SendRecv, Mixable: true, Events: true}
	switch c := c.(type) {
	case callstate.MakeOffer:
		p.post(callstate.OfferMade{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, SDP: sdp})
	case callstate.MakeAnswer:
		p.post(callstate.AnswerMade{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, SDP: sdp, Facts: facts})
	case callstate.TakeAnswer:
		p.post(callstate.AnswerTaken{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, Facts: facts})
	}
}

func (p phones) Do(c callstate.Signal) {
	switch c := c.(type) {
	case callstate.Locate:
		p.post(callstate.Located{ID: c.Call, Ref: c.Ref, Contacts: []callstate.Contact{{URI: "sip:2001@192.0.2.2:5060"}}})
	case callstate.Dial:
		p.post(callstate.LegProgress{On: callstate.On{Leg: c.Leg}, Status: 180, Branch: "b"})
		p.post(callstate.LegAnswered{On: callstate.On{Leg: c.Leg}, Branch: "b", SDP: []byte("v=0\r\n")})
	case callstate.Answer:
		p.post(callstate.LegConfirmed{On: callstate.On{Leg: c.Leg}})
		p.post(callstate.LegEnded{On: callstate.On{Leg: c.Leg}, Cause: callstate.Cause{Kind: callstate.Normal, Remote: true}})
	case callstate.HangUp:
		p.post(callstate.LegEnded{On: callstate.On{Leg: c.Leg}, Cause: c.Cause})
	}
}

// BenchmarkWholeCall is a real call, from its offer to its end, with the events that its adapters make.
func BenchmarkWholeCall(b *testing.B) {
	p := phones{make(chan callstate.Event, 16)}
	x := New(Config{Settings: callstate.DefaultSettings(), Signaller: p, Media: switching{p},
		Directory: &callstate.Directory{Extensions: map[string]callstate.Extension{"2000": {Number: "2000"}, "2001": {Number: "2001"}}}})
	defer x.Close()
	b.ReportAllocs()
	for b.Loop() {
		first := offer(x.NewCallID())
		first.SDP = []byte("v=0\r\n")
		x.Post(first)
		for ended := 0; ended < 2; {
			ev := <-p.events
			x.Post(ev)
			if _, ok := ev.(callstate.LegEnded); ok {
				ended++
			}
		}
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
