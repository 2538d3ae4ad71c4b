package media

import (
	"slices"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/sdp"
)

// route is the way from one leg to one that hears it. It is made anew when either leg negotiates.
type route struct {
	from, to *leg
	how      callstate.ConnectedHow
	formats  *agreed           // of from
	ops      [indexMask + 1]op // by the index of what the packet holds in formats, from 1

	// For recode, under to.out.mu:
	converter *codec.Converter
	started   bool
	newest    uint16 // sequence number that went out
}

// op looks up what is done to packets of a payload type.
func (r *route) op(pt uint8) op { return r.ops[r.formats.rx[pt&127].index()] }

// op is what is done to a packet of one payload type.
type op struct {
	do   act
	pt   uint8      // the hearer's
	kind codec.Kind // what can read it
}

type act uint8

const (
	drop act = iota
	pass
	toMuLaw
	toALaw
	recode // decode it and code it anew
)

// newRoute works out how from gets to to. It returns nil while either has no stream: then there is nothing to say yet.
func newRoute(from, to *leg) *route {
	a, b := from.agreed.Load(), to.agreed.Load()
	if a.off() || b.off() {
		return nil
	}
	r := &route{from: from, to: to, how: callstate.Impossible, formats: a}
	switch between(a.codec, b.codec) {
	case drop:
	case pass:
		r.how = callstate.Relayed
	default:
		r.how = callstate.Transcoded
	}
	for i, c := range a.ours {
		if c.Audio() {
			r.ops[i+1] = op{between(c, b.codec), b.pt, kindOf(c)}
		}
	}
	if b.kind != codec.None && (a.kind.Remembers() || b.kind.Remembers()) {
		r.converter = codec.NewConverter(a.kind, from.past(a.kind))
	}
	return r
}

// between tells what turns one codec into another.
func between(from, to sdp.Codec) act {
	switch {
	case from.Same(to):
		return pass
	case from.G711() && to.Same(sdp.PCMU):
		return toMuLaw
	case from.G711() && to.Same(sdp.PCMA):
		return toALaw
	case from.Mixable() && to.Mixable():
		return recode
	}
	return drop
}

// connect changes what a leg hears.
func (e *Engine) connect(c callstate.Connect) {
	e.wire.Lock()
	defer e.wire.Unlock()
	l := e.legs[c.Leg]
	sources, known := e.sources(c)
	if l == nil {
		if len(c.Hears) > 0 {
			e.cfg.Post(callstate.Connected{On: callstate.On{Leg: c.Leg}, How: callstate.Impossible})
		}
		return
	}
	e.unhear(l)
	l.told, l.sound = "", callstate.Nothing
	if len(c.Hears) == 0 {
		l.sound = c.Play
	}
	for _, s := range sources {
		l.hears = append(l.hears, s)
		s.heard = append(s.heard, l)
	}
	e.rewireOne(l)
	if !known {
		l.post(callstate.Connected{On: l.on(), How: callstate.Impossible})
	}
}

// sources finds whom a leg is to hear, each once. known is false, and nobody is heard, when one of them is not there or
// is the leg itself.
func (e *Engine) sources(c callstate.Connect) (sources []*leg, known bool) {
	for _, id := range c.Hears {
		s := e.legs[id]
		if s == nil || id == c.Leg {
			return nil, false
		}
		if !slices.Contains(sources, s) {
			sources = append(sources, s)
		}
	}
	return sources, true
}

// unhear takes l away from those whom it hears. Called with wire held.
func (e *Engine) unhear(l *leg) {
	from := l.hears
	l.hears, l.feed, l.mix = nil, nil, nil
	for _, s := range from {
		s.heard = slices.DeleteFunc(s.heard, func(x *leg) bool { return x == l })
		s.reroute()
	}
}

// rewire works out anew every way from and to l, after it has negotiated.
func (e *Engine) rewire(l *leg) {
	e.wire.Lock()
	defer e.wire.Unlock()
	if e.legs[l.id] != l {
		return
	}
	e.rewireOne(l)
	for _, h := range l.heard {
		e.rewireOne(h)
	}
	for _, r := range l.taped {
		r.gather()
	}
	l.openEar()
}

// rewireOne works out what l hears, and tells how once that is known, and again when it changes.
func (e *Engine) rewireOne(l *leg) {
	l.feed, l.mix = nil, nil
	var how callstate.ConnectedHow
	switch len(l.hears) {
	case 0:
	case 1:
		if r := newRoute(l.hears[0], l); r != nil {
			how = r.how
			if how != callstate.Impossible {
				l.feed = r
			}
		}
	default:
		how = l.gather()
	}
	l.out.listen(l.feed, l.mix, l.sound, l.relayed())
	l.out.begin(e.music, e.clock.next(), e.now())
	for _, s := range l.hears {
		s.reroute()
	}
	e.clock.want(l)
	if how != "" && how != l.told {
		l.told = how
		l.post(callstate.Connected{On: l.on(), How: how})
	}
}

// unwire takes a leg that is being closed out of everything. Those who heard it hear the others, or nothing.
func (e *Engine) unwire(l *leg) {
	e.unhear(l)
	heard := l.heard
	l.heard = nil
	for _, h := range heard {
		h.hears = slices.DeleteFunc(h.hears, func(x *leg) bool { return x == l })
		h.feed = nil
		h.mix = slices.DeleteFunc(slices.Clone(h.mix), func(s *mix.Source) bool { return s == l.source })
		h.out.listen(nil, h.mix, h.sound, h.relayed())
	}
	e.untape(l)
	l.listenFor(false)
	l.reroute()
}

// reroute gives l's reader the ways to those who hear it. Called with wire held.
func (l *leg) reroute() {
	var routes []*route
	var mixed []*leg
	for _, h := range l.heard {
		if h.feed != nil {
			routes = append(routes, h.feed)
		}
		if l.source != nil && slices.Contains(h.mix, l.source) {
			mixed = append(mixed, h)
		}
	}
	if mixed == nil && !l.isKept() {
		l.source = nil
	}
	l.in.mu.Lock()
	l.in.routes, l.in.mixed, l.in.source = routes, mixed, l.source
	l.in.mu.Unlock()
}
