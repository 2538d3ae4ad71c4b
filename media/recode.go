package media

import "ringdown/media/internal/codec"

// settleTime is how long a phone's packets are coded anew after ours, in bytes: half a second. By then the two encoders
// agree, and the phone that listens can go over.
const settleTime = 4000

// hear has the route know a payload that is left out, so that those after it are understood.
func (r *route) hear(from codec.Kind, payload []byte) {
	if r.converter != nil && r.converter.Kind() == from {
		r.converter.Hear(payload)
	}
}

// recode decodes a payload and codes it anew in its place. It leaves out what comes late: these codecs need their octets
// in order. Called with mu held.
func (o *outbound) recode(r *route, from codec.Kind, payload []byte, seq uint16) bool {
	if r.started && int16(seq-r.newest) <= 0 {
		o.counts.Misplaced++
		return false
	}
	r.started, r.newest = true, seq
	if r.converter == nil || from != r.converter.Kind() { // rare: the phone has changed to another agreed codec
		r.converter = codec.NewConverter(from, nil)
	}
	r.converter.Convert(payload, payload, &o.coder)
	o.made = true
	if o.settle > 0 {
		o.settle = max(o.settle-len(payload), 0)
		o.made = o.settle > 0
	}
	return true
}
