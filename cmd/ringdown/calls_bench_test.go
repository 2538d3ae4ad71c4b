package main

import (
	"runtime"
	"strings"
	"testing"

	"ringdown/callstate"
	"ringdown/callstate/exchange"
	"ringdown/control/channels"
	"ringdown/control/history"
	"ringdown/control/ozeki"
	"ringdown/control/yeastar"
)

// benchPorts are adapters of an exchange that answer each command at once. What they answer is posted by who reads
// events, as by a socket: a call comes to rest between any two.
type benchPorts struct {
	events chan callstate.Event
	hold   bool // whoever is answered talks on
}

type benchMedia struct{ benchPorts }

func (p benchMedia) Do(c callstate.MediaCommand) {
	sdp, facts := []byte("v=0\r\n"), callstate.Facts{Codec: "PCMA/8000", Direction: callstate.SendRecv, Mixable: true, Events: true}
	switch c := c.(type) {
	case callstate.MakeOffer:
		p.events <- callstate.OfferMade{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, SDP: sdp}
	case callstate.MakeAnswer:
		p.events <- callstate.AnswerMade{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, SDP: sdp, Facts: facts}
	case callstate.TakeAnswer:
		p.events <- callstate.AnswerTaken{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, Facts: facts}
	}
}

func (p benchPorts) Do(c callstate.Signal) {
	switch c := c.(type) {
	case callstate.Locate:
		p.events <- callstate.Located{ID: c.Call, Ref: c.Ref, Contacts: []callstate.Contact{{URI: "sip:2001@192.0.2.2:5060"}}}
	case callstate.Dial:
		p.events <- callstate.LegProgress{On: callstate.On{Leg: c.Leg}, Status: 180, Branch: "b"}
		p.events <- callstate.LegAnswered{On: callstate.On{Leg: c.Leg}, Branch: "b", SDP: []byte("v=0\r\n")}
	case callstate.Answer:
		p.events <- callstate.LegConfirmed{On: callstate.On{Leg: c.Leg}}
		if !p.hold {
			p.events <- callstate.LegEnded{On: callstate.On{Leg: c.Leg}, Cause: callstate.Cause{Kind: callstate.Normal, Remote: true}}
		}
	case callstate.HangUp:
		if !p.hold {
			p.events <- callstate.LegEnded{On: callstate.On{Leg: c.Leg}, Cause: c.Cause}
		}
	}
}

// watched is an exchange with some of the APIs.
type watched struct {
	*exchange.Exchange
	ports benchPorts
}

// newWatched makes one with the APIs that who names.
func newWatched(b *testing.B, who string, hold bool) watched {
	p := benchPorts{make(chan callstate.Event, 64), hold}
	w := watched{exchange.New(exchange.Config{Settings: callstate.DefaultSettings(), Signaller: p, Media: benchMedia{p},
		Directory: &callstate.Directory{Extensions: map[string]callstate.Extension{"2000": {Number: "2000"}, "2001": {Number: "2001"}}}}), p}
	b.Cleanup(func() {
		if err := w.Close(); err != nil {
			b.Error(err)
		}
	})
	if strings.Contains(who, "ozeki") {
		store, err := history.Open(history.Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { store.Close() })
		b.Cleanup(ozeki.New(ozeki.Config{Calls: w, History: store}).Close)
	}
	if strings.Contains(who, "yeastar") {
		names := channels.New(w, channels.Random())
		b.Cleanup(names.Close)
		b.Cleanup(yeastar.New(yeastar.Config{Calls: w, Names: names}).Close)
	}
	return w
}

// call makes one call, until last has been posted so often.
func (w watched) call(times int, last func(callstate.Event) bool) {
	id := w.NewCallID()
	w.Post(callstate.LegOffered{On: callstate.On{Leg: callstate.LegID{Call: id, N: 1}}, From: callstate.Party{Number: "2000"}, To: "2001",
		SDP: []byte("v=0\r\n"), SIPCallID: "a84b4c76e66710"})
	for times > 0 {
		ev := <-w.ports.events
		w.Post(ev)
		if last(ev) {
			times--
		}
	}
}

// BenchmarkWatchedCall is a call from its offer to its end, with whom the notices of it go to. Nobody has subscribed to
// anything.
func BenchmarkWatchedCall(b *testing.B) {
	for _, who := range []string{"nobody", "ozeki", "yeastar", "ozeki and yeastar"} {
		b.Run(who, func(b *testing.B) {
			w := newWatched(b, who, false)
			b.ReportAllocs()
			for b.Loop() {
				w.call(2, func(ev callstate.Event) bool { _, ended := ev.(callstate.LegEnded); return ended })
			}
		})
	}
}

// BenchmarkHeldCall tells what one answered call keeps, beside what sip and media keep of it.
func BenchmarkHeldCall(b *testing.B) {
	for _, who := range []string{"nobody", "ozeki", "yeastar", "ozeki and yeastar"} {
		b.Run(who, func(b *testing.B) {
			w := newWatched(b, who, true)
			n, before := 0, heap()
			for b.Loop() {
				w.call(1, func(ev callstate.Event) bool { _, up := ev.(callstate.LegConfirmed); return up })
				n++
			}
			b.ReportMetric(float64(heap()-before)/float64(n), "held-B/call")
		})
	}
}

// heap is how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools keep
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
