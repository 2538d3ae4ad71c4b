package sdp

import (
	"fmt"
	"net/netip"

	"ringdown/callstate"
)

// Partner is what is known of the leg that a new offer or answer is to suit.
type Partner struct {
	Using  Codec   // what its stream uses; zero when nothing is agreed yet
	Listed []Codec // what its phone listed, in its order
	Ptime  int
}

// maxOffered bounds the audio codecs of an offer, so that a phone which lists everything leaves payload types for the
// events, and the INVITE fits into a datagram.
const maxOffered = 16

// OfferCodecs returns the codecs of an offer of ours, in order, with the payload types that the partner's phone gave
// them, telephone-event last. The first are those that can be connected to the partner as it is; G.722 is the last of those that
// we make, for phones that have nothing else. made leaves out what we cannot make ourselves.
func OfferCodecs(p Partner, made bool) []Codec {
	list := make([]Codec, 0, min(len(p.Listed)+4, maxOffered)+2) // what is in use, those that are made, and events
	add := func(c Codec) {
		if _, dup := Find(list, c); !dup && c.Audio() && len(list) < maxOffered && (c.Mixable() || !made) {
			list = append(list, c)
		}
	}
	addMade := func() {
		add(PCMU)
		add(PCMA)
		add(G722)
	}
	if p.Using.Audio() {
		add(p.Using)
		if p.Using.Mixable() {
			addMade()
		}
	}
	mixable := false
	for _, c := range p.Listed {
		add(c)
		mixable = mixable || c.Mixable()
	}
	if mixable || len(list) == 0 {
		addMade()
	}
	return offerEvents(p, list)
}

// offerEvents adds telephone-event at the clock of each kind of audio that is offered (RFC 4733 §2.1): 8000 always,
// 48000 beside opus.
func offerEvents(p Partner, audio []Codec) []Codec {
	list, clocks := audio, [...]int{8000, 48000}
	most := 1
	for i := range audio {
		if audio[i].Name == "opus" {
			most = 2
		}
	}
	for i, clock := range clocks[:most] {
		e := Codec{PT: 101 - uint8(i), Name: eventName, Clock: clock, Channels: 1, Fmtp: "0-15"}
		if theirs, ok := Find(p.Listed, e); ok {
			e.PT = theirs.PT
			if theirs.Fmtp != "" {
				e.Fmtp = theirs.Fmtp
			}
		}
		list = append(list, e)
	}
	return list
}

// Choose picks the audio codec of an answer from those that the phone offers: what the partner uses; G.711 when that
// can be turned into what the partner uses; G.711, for which there are at least tones; G.722 likewise, which costs more.
// A codec that we cannot make is of use only with a partner that has it too, or when there is no partner yet.
func Choose(offered []Codec, p Partner) (Codec, bool) {
	first := func(ok func(Codec) bool) (Codec, bool) {
		for _, c := range offered {
			if c.Audio() && ok(c) {
				return c, true
			}
		}
		return Codec{}, false
	}
	if p.Using.Audio() {
		if c, ok := first(p.Using.Same); ok {
			return c, true
		}
	} else {
		listed := func(c Codec) bool { _, ok := Find(p.Listed, c); return ok }
		if c, ok := first(listed); ok {
			return c, true
		}
	}
	for _, ours := range []func(Codec) bool{Codec.G711, Codec.Mixable} {
		if c, ok := first(ours); ok {
			return c, true
		}
	}
	if p.Using.Audio() || len(p.Listed) > 0 {
		return Codec{}, false
	}
	return first(Codec.Audio)
}

// ChooseEvent picks the telephone-event that goes with audio: that of its clock, else any.
func ChooseEvent(offered []Codec, audio Codec) (Codec, bool) {
	var found Codec
	for _, c := range offered {
		if c.Event() && (found.Name == "" || c.Clock == audio.Clock && found.Clock != audio.Clock) {
			found = c
		}
	}
	return found, found.Name != ""
}

// Sends and Hears tell what a direction means for the side that states it.
func Sends(d callstate.Direction) bool { return d == callstate.SendRecv || d == callstate.SendOnly }
func Hears(d callstate.Direction) bool { return d == callstate.SendRecv || d == callstate.RecvOnly }

// Direct builds a direction.
func Direct(sends, hears bool) callstate.Direction {
	switch {
	case sends && hears:
		return callstate.SendRecv
	case sends:
		return callstate.SendOnly
	case hears:
		return callstate.RecvOnly
	}
	return callstate.Inactive
}

// Reverse is the same direction seen from the other side.
func Reverse(d callstate.Direction) callstate.Direction { return Direct(Hears(d), Sends(d)) }

// AnswerDirection is what we answer: what we want, as far as the offer lets us (RFC 3264 §6.1, edge cases H1, H2).
func AnswerDirection(offer, ours callstate.Direction) callstate.Direction {
	return Direct(Sends(ours) && Hears(offer), Hears(ours) && Sends(offer))
}

// Unfit tells why an address can never be a phone's; "" when it can (edge case X13). 0.0.0.0 and :: are unfit: where
// they mean hold, nothing is to be sent.
func Unfit(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "no address"
	case a.IsUnspecified():
		return fmt.Sprintf("%s is not an address", a)
	case a.IsMulticast():
		return fmt.Sprintf("%s is a multicast address", a)
	case a.Is4() && a.As4()[0] >= 240: // 255.255.255.255 among them
		return fmt.Sprintf("%s is a broadcast or reserved address", a)
	case a.Is6() && a.IsLinkLocalUnicast():
		return fmt.Sprintf("%s is a link-local address without a zone", a)
	}
	return ""
}
