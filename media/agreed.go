package media

import (
	"net/netip"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/sdp"
)

// agreed is the outcome of one offer and answer on a leg. It does not change once made.
type agreed struct {
	codec  sdp.Codec // zero when the stream is off
	pt     uint8     // the phone's number of codec: what we send
	ours   []sdp.Codec
	kind   codec.Kind   // what can make codec
	rx     [128]reading // payload type of a packet from the phone -> what it holds
	event  sdp.Codec    // telephone-event toward the phone, with the phone's number; zero when not agreed
	events sdp.Events

	phone  callstate.Direction // as the phone states it, as far as we let it
	remote netip.AddrPort      // invalid while the phone has no address (hold by 0.0.0.0, stream off)
}

// reading is an index in agreed.ours, from 1, and above indexBits a codec.Kind: what can read it. An agreement holds
// at most 18 formats: maxOffered codecs of package sdp, and events at two clocks.
type reading uint8

const (
	indexBits = 5
	indexMask = 1<<indexBits - 1
)

func (r reading) index() int       { return int(r & indexMask) }
func (r reading) kind() codec.Kind { return codec.Kind(r >> indexBits) }

// off tells whether there is no stream (edge case H4).
func (a *agreed) off() bool { return a == nil || a.codec.Name == "" }

// kindOf is what we can make and read a codec with; None when we cannot.
func kindOf(c sdp.Codec) codec.Kind {
	switch {
	case c.Same(sdp.PCMU):
		return codec.PCMU
	case c.Same(sdp.PCMA):
		return codec.PCMA
	case c.Same(sdp.G722):
		return codec.G722
	}
	return codec.None
}

// agree fills rx. ours are the formats of our SDP, in our numbers, which the phone is to use; theirs those of the
// phone's, in its numbers, which some phones use in both directions.
func (a *agreed) agree(ours, theirs []sdp.Codec) {
	a.ours = ours
	for _, own := range [...]bool{false, true} { // ours win where the numbers clash
		for i, o := range ours {
			t, both := sdp.Find(theirs, o)
			if !both || i >= indexMask {
				continue
			}
			if own {
				t.PT = o.PT
			}
			a.rx[t.PT] = reading(i+1) | reading(kindOf(o))<<indexBits
		}
	}
	a.kind = kindOf(a.codec)
	if e, ok := sdp.ChooseEvent(theirs, a.codec); ok {
		if _, both := sdp.Find(ours, e); both {
			a.event, a.events = e, e.Events()
		}
	}
}

// reads tells what can read a packet of payload type pt from the phone: None for one that we cannot read, as events, or do
// not take.
func (a *agreed) reads(pt uint8) codec.Kind {
	if a == nil {
		return codec.None
	}
	return a.rx[pt&127].kind()
}

// format returns what a packet of payload type pt from the phone holds.
func (a *agreed) format(pt uint8) (sdp.Codec, bool) {
	if a == nil || a.rx[pt&127] == 0 {
		return sdp.Codec{}, false
	}
	return a.ours[a.rx[pt&127].index()-1], true
}

func (a *agreed) facts() callstate.Facts {
	if a.off() {
		return callstate.Facts{Direction: callstate.Inactive}
	}
	return callstate.Facts{Codec: a.codec.Name, Direction: a.phone, Events: a.event.Name != "", Mixable: a.codec.Mixable()}
}
