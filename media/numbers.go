package media

import (
	"slices"

	"ringdown/media/internal/sdp"
)

// number gives the codecs of an offer the payload types that they have in this session; new ones keep theirs when it
// is free, else they get the next free dynamic one (RFC 3551 §3).
func (l *leg) number(codecs []sdp.Codec) []sdp.Codec {
	n := &l.nego
	out := make([]sdp.Codec, 0, len(codecs))
	n.numbers = slices.Grow(n.numbers, len(codecs))
	for _, c := range codecs {
		if old, ok := sdp.Find(n.numbers, c); ok {
			c.PT = old.PT
		} else {
			if c.PT >= 96 || c.Dynamic() {
				c.PT = n.free(c.PT, codecs)
			}
			if c.PT == 0 && !c.Same(sdp.PCMU) {
				continue // no number is left
			}
			n.numbers = append(n.numbers, c)
		}
		out = append(out, c)
	}
	return out
}

// free returns wish, or a dynamic payload type that neither the session nor the rest of the offer uses.
func (n *negotiation) free(wish uint8, offer []sdp.Codec) uint8 {
	used := func(list []sdp.Codec, pt uint8) bool {
		for _, c := range list {
			if c.PT == pt {
				return true
			}
		}
		return false
	}
	if wish >= 96 && !used(n.numbers, wish) {
		return wish
	}
	for pt := uint8(96); pt < 128; pt++ {
		if !used(n.numbers, pt) && !used(offer, pt) {
			return pt
		}
	}
	return 0
}

// renumber notes the payload types of an answer, which are the phone's.
func (l *leg) renumber(codecs []sdp.Codec) {
	n := &l.nego
	kept := n.numbers[:0]
	for _, old := range n.numbers {
		clash := false
		for _, c := range codecs {
			clash = clash || c.PT == old.PT || c.Same(old)
		}
		if !clash {
			kept = append(kept, old)
		}
	}
	n.numbers = append(kept, codecs...)
}
