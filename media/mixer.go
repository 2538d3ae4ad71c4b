package media

import (
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/timeline"
	"ringdown/media/internal/tone"
)

// addUp sends the next frame of a mix, unless a digit or a clip stands in its place. It returns false when nobody can hear it.
// Called with mu held, by the clock alone.
func (o *outbound) addUp(slot uint64, due, now time.Duration) bool {
	if !o.open || o.agreed.kind == codec.None {
		return false
	}
	var sum mix.Sum
	for _, s := range o.mix {
		sum.Add(s.Frame(slot, o.coder.Kind().Rate(), now))
	}
	if o.frozen || o.clipped() || now < o.eventBusy {
		return true
	}
	s, fate := o.line.Next(tone.Frame, due)
	if fate != timeline.Placed {
		return true
	}
	var frame [tone.WideFrame]int16
	mixed := frame[:o.coder.Kind().Rate()/50]
	sum.Cut(mixed)
	o.coder.Encode(o.room()[headerSize:], mixed)
	o.made = o.coder.Kind().Remembers()
	o.send(o.room()[:headerSize+tone.Frame], o.agreed.pt, s)
	return true
}

// gather makes l's mix of those whom it hears, and tells how they are heard: not at all, as a whole, when one of them
// cannot be; the others are heard all the same. It is "" as long as one of them has not negotiated. A stream that is
// off (edge case H4) is one that says nothing. Called with wire held.
func (l *leg) gather() (how callstate.ConnectedHow) {
	how = callstate.Transcoded // a mix always is
	l.mix = []*mix.Source{}
	unknown := false
	for _, s := range append([]*leg{l}, l.hears...) {
		switch a := s.agreed.Load(); {
		case a == nil:
			unknown = true
		case a.off():
		case a.kind == codec.None:
			how = callstate.Impossible
		case s != l:
			l.mix = append(l.mix, s.mixed(a.kind))
		}
	}
	if unknown && how != callstate.Impossible {
		return ""
	}
	return how
}

// mixed returns what a leg is in mixes. Called with wire held.
func (l *leg) mixed(k codec.Kind) *mix.Source {
	if l.source == nil {
		l.in.mu.Lock()
		l.source = l.in.recent.source(k)
		l.in.source = l.source
		l.in.mu.Unlock()
	}
	return l.source
}
