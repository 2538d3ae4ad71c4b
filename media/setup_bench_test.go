package media

import (
	"runtime"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/port"
)

// The descriptions of two usual phones.
const (
	desk = "v=0\r\no=alice 2890844526 2890844526 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 0 8 9 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
	plainPhone = "v=0\r\no=bob 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
		"m=audio 6002 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)

// onLoopback is an engine on the system's network, with a range of ports.
func onLoopback(b testing.TB) *Engine {
	b.Helper()
	e, err := New(Config{PortMin: 20000, PortMax: 29999, Silence: time.Minute, Post: func(callstate.Event) {}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	return e
}

// rest lets the range of ports recover, outside of what is measured, when legs were closed i times.
func rest(b *testing.B, i int) {
	if i%2000 == 1999 {
		b.StopTimer()
		time.Sleep(port.Rest)
		b.StartTimer()
	}
}

// BenchmarkLeg opens and closes a leg.
func BenchmarkLeg(b *testing.B) {
	e := onLoopback(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := callstate.LegID{Call: callstate.CallID(i), N: 1}
		e.Do(callstate.OpenMedia{Leg: id})
		e.Do(callstate.CloseMedia{Leg: id})
		rest(b, i)
	}
}

// set makes a call of two legs, as the core does.
func set(e *Engine, call callstate.CallID) (alice, bob callstate.LegID) {
	alice, bob = callstate.LegID{Call: call, N: 1}, callstate.LegID{Call: call, N: 2}
	e.Do(callstate.OpenMedia{Leg: alice, Offer: []byte(desk)})
	e.Do(callstate.OpenMedia{Leg: bob})
	e.Do(callstate.MakeOffer{Leg: bob, Ref: 1, Like: alice})
	e.Do(callstate.TakeAnswer{Leg: bob, Ref: 2, Answer: []byte(plainPhone)})
	e.Do(callstate.MakeAnswer{Leg: alice, Ref: 3, Like: bob})
	e.Do(callstate.Connect{Leg: alice, Hears: []callstate.LegID{bob}})
	e.Do(callstate.Connect{Leg: bob, Hears: []callstate.LegID{alice}})
	return alice, bob
}

// BenchmarkCall is all that media does for a call of two legs, but for its packets.
func BenchmarkCall(b *testing.B) {
	e := onLoopback(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		alice, bob := set(e, callstate.CallID(i))
		e.Do(callstate.CloseMedia{Leg: alice})
		e.Do(callstate.CloseMedia{Leg: bob})
		rest(b, i)
	}
}

// BenchmarkHeld shows what is kept for a call whose phones have sent packets: B/call.
func BenchmarkHeld(b *testing.B) {
	const calls = 1000
	for b.Loop() {
		b.StopTimer()
		e := onLoopback(b)
		before := inUse()
		for i := range callstate.CallID(calls) {
			alice, bob := set(e, i)
			for _, id := range []callstate.LegID{alice, bob} {
				l := e.find(id)
				from := l.agreed.Load().remote
				for seq := range byte(3) {
					l.receive(append([]byte{0x80, 0, 0, seq, 0, 0, seq, 0, 0, 0, 0, 9}, make([]byte, 160)...), from)
				}
			}
		}
		b.ReportMetric(float64(inUse()-before)/calls, "B/call")
		e.Close()
		b.StartTimer()
	}
}

// BenchmarkReadSDP is what sip asks for each description.
func BenchmarkReadSDP(b *testing.B) {
	body := []byte(desk)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadSDP(body); err != nil {
			b.Fatal(err)
		}
	}
}

// inUse is what the heap holds.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
