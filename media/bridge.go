package media

import (
	"slices"

	"ringdown/callstate"
	"ringdown/media/internal/sdp"
)

// route is the way from one leg to one that hears it. It is made anew when either leg negotiates.
type route struct {
	from, to *leg
	how      callstate.ConnectedHow
	ops      [128]op // by the payload type that the packet came with
}

// op is what is done to a packet of one payload type.
type op struct {
	do act
	pt uint8 // the hearer's
}

type act uint8

const (
	drop act = iota
	pass
	toMuLaw
	toALaw
)

// newRoute works out how from gets to to. It returns nil while either has no stream: then there is nothing to say yet.
func newRoute(from, to *leg) *route {
	a, b := from.agreed.Load(), to.agreed.Load()
	if a.off() || b.off() {
		return nil
	}
	r := &route{from: from, to: to, how: callstate.Impossible}
	switch between(a.codec, b.codec) {
	case pass:
		r.how = callstate.Relayed
	case toMuLaw, toALaw:
		r.how = callstate.Transcoded
	}
	for pt := range r.ops {
		if c, ok := a.format(uint8(pt)); ok && c.Audio() {
			r.ops[pt] = op{between(c, b.codec), b.pt}
		}
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
	}
	return drop
}

// connect changes what a leg hears.
func (e *Engine) connect(c callstate.Connect) {
	e.wire.Lock()
	defer e.wire.Unlock()
	l := e.legs[c.Leg]
	var source *leg
	if len(c.Hears) == 1 { // more need a mixer, which is not there yet
		source = e.legs[c.Hears[0]]
	}
	impossible := len(c.Hears) > 0 && (source == nil || l == nil || source == l)
	if l == nil {
		if impossible {
			e.cfg.Post(callstate.Connected{On: callstate.On{Leg: c.Leg}, How: callstate.Impossible})
		}
		return
	}
	if impossible {
		source = nil
	}
	e.unhear(l)
	l.told, l.sound = "", callstate.Nothing
	if len(c.Hears) == 0 {
		l.sound = c.Play
	}
	if source != nil {
		l.hears = source
		source.heard = append(source.heard, l)
	}
	e.rewireOne(l)
	if impossible {
		l.post(callstate.Connected{On: l.on(), How: callstate.Impossible})
	}
}

// unhear takes l away from whom it hears. Called with wire held.
func (e *Engine) unhear(l *leg) {
	from := l.hears
	if from == nil {
		return
	}
	from.heard = slices.DeleteFunc(from.heard, func(x *leg) bool { return x == l })
	l.hears, l.feed = nil, nil
	from.reroute()
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
}

// rewireOne works out what l hears, and tells how once that is known, and again when it changes.
func (e *Engine) rewireOne(l *leg) {
	l.feed = nil
	var how callstate.ConnectedHow
	if l.hears != nil {
		if r := newRoute(l.hears, l); r != nil {
			how = r.how
			if how != callstate.Impossible {
				l.feed = r
			}
		}
	}
	l.out.listen(l.feed, l.sound)
	if l.hears != nil {
		l.hears.reroute()
	}
	e.clock.want(l)
	if how != "" && how != l.told {
		l.told = how
		l.post(callstate.Connected{On: l.on(), How: how})
	}
}

// unwire takes a leg that is being closed out of everything. Those who heard it hear nothing.
func (e *Engine) unwire(l *leg) {
	e.unhear(l)
	for _, h := range l.heard {
		h.hears, h.feed = nil, nil
		h.out.listen(nil, h.sound)
	}
	l.heard = nil
	l.reroute()
}

// reroute gives l's reader the ways to those who hear it. Called with wire held.
func (l *leg) reroute() {
	var routes []*route
	for _, h := range l.heard {
		if h.feed != nil {
			routes = append(routes, h.feed)
		}
	}
	l.in.mu.Lock()
	l.in.routes = routes
	l.in.mu.Unlock()
}
