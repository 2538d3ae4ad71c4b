package sdp

import (
	"strconv"
	"strings"
)

// Codec is one payload format of an audio line.
type Codec struct {
	PT       uint8
	Name     string // as IANA spells it where we know it, else as written
	Clock    int    // Hz
	Channels int    // at least 1
	Fmtp     string // the parameters after "a=fmtp:PT ", may be empty
}

// The formats that the switch itself can make and read.
var (
	PCMU = Codec{PT: 0, Name: "PCMU", Clock: 8000, Channels: 1}
	PCMA = Codec{PT: 8, Name: "PCMA", Clock: 8000, Channels: 1}
	G722 = Codec{PT: 9, Name: "G722", Clock: 8000, Channels: 1} // RFC 3551 §4.5.2: 8000 although it samples at 16000
)

const eventName = "telephone-event"

// static are the payload types that need no rtpmap (RFC 3551 §6); those that nobody uses for calls are left out.
var static = map[uint8]Codec{
	0: PCMU, 3: {Name: "GSM", Clock: 8000, Channels: 1}, 4: {Name: "G723", Clock: 8000, Channels: 1}, 8: PCMA, 9: G722,
	13: {Name: "CN", Clock: 8000, Channels: 1}, 15: {Name: "G728", Clock: 8000, Channels: 1},
	18: {Name: "G729", Clock: 8000, Channels: 1},
}

var spelling = []string{"PCMU", "PCMA", "G722", "opus", eventName, "CN", "G729", "GSM"}

// Same tells whether c and d are one format, whatever their payload types and parameters.
func (c Codec) Same(d Codec) bool {
	return c.Clock == d.Clock && c.Channels == d.Channels && strings.EqualFold(c.Name, d.Name)
}

// G711 tells whether c is PCMU or PCMA.
func (c Codec) G711() bool { return c.Same(PCMU) || c.Same(PCMA) }

// Mixable tells whether we can make and read c: tones, music, mixing, and turning it into another such codec.
func (c Codec) Mixable() bool { return c.G711() || c.Same(G722) }

// Event tells whether c is telephone-event (RFC 4733).
func (c Codec) Event() bool { return c.Name == eventName }

// Noise tells whether c is comfort noise (RFC 3389).
func (c Codec) Noise() bool { return c.Name == "CN" }

// Audio tells whether c carries speech.
func (c Codec) Audio() bool { return c.Name != "" && !c.Event() && !c.Noise() }

// Dynamic tells whether c has no payload type of its own (RFC 3551 §6).
func (c Codec) Dynamic() bool {
	s, ok := static[c.PT]
	return !ok || !s.Same(c)
}

// Events is a set of event codes.
type Events [4]uint64

// Has tells whether the set has an event.
func (e Events) Has(code uint8) bool { return e[code>>6]&(1<<(code&63)) != 0 }

// Events reads the fmtp of a telephone-event: "0-15,66,70". No list, or one that cannot be read, means 0-15
// (RFC 4733 §2.4.1, edge case D15).
func (c Codec) Events() Events {
	var set Events
	list := c.Fmtp
	if rest, ok := strings.CutPrefix(list, "events="); ok { // the MIME form, seen in the wild
		list = rest
	}
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err1 := strconv.ParseUint(first, 10, 8)
		to := from
		var err2 error
		if isRange {
			to, err2 = strconv.ParseUint(last, 10, 8)
		}
		if err1 != nil || err2 != nil || to < from {
			return Events{0xffff}
		}
		for code := from; code <= to; code++ {
			set[code>>6] |= 1 << (code & 63)
		}
	}
	return set
}

// Find returns the codec of list that is the same as c.
func Find(list []Codec, c Codec) (Codec, bool) {
	for _, l := range list {
		if l.Same(c) {
			return l, true
		}
	}
	return Codec{}, false
}
