package yeastar

import (
	"testing"

	"ringdown/callstate"
)

// BenchmarkCall is what a plain call costs here when nobody has subscribed: its five notices.
func BenchmarkCall(b *testing.B) {
	d := newDesk()
	a := New(Config{Calls: d})
	defer a.Close()
	notices := plainCall()
	b.ReportAllocs()
	for b.Loop() {
		for _, n := range notices {
			a.board.watch(n)
		}
	}
}

// plainCall is the notices of a call of two phones.
func plainCall() []callstate.Notice {
	ring := call(leg(1, "2000", ringing, "in", "calling", "waits"), leg(2, "2005", ringing))
	ring.Answered = callstate.Time{}
	talk := call(leg(1, "2000", up, "in", "calling"), leg(2, "2005", up))
	over := call()
	return []callstate.Notice{
		{Kind: callstate.NoticeCreated, Summary: &ring}, {Kind: callstate.NoticeRinging, Summary: &ring},
		{Kind: callstate.NoticeAnswered, Summary: &talk}, {Kind: callstate.NoticeChanged, Summary: &talk},
		{Kind: callstate.NoticeEnded, Summary: &over},
	}
}
