package ozeki

import "ringdown/callstate"

// blindTransfer is BlindTransfer (spec ozeki 8.7). Who leaves may be left out where that is the API extension that the
// call is of. A script waits for the outcome.
func (a *API) blindTransfer(o *order) (callstate.Request, *joinFault) {
	side := callstate.Side(o.v[transferor.name])
	if side == "" {
		if s := a.calls.Get(o.call); s == nil || appOf(s).Zero() {
			return nil, &joinFault{param: transferor.name, reason: "no API extension is in the call"}
		}
		side = callstate.Own
	}
	if url := o.v[finishedURL.name]; url != "" {
		if s := a.sessions.of(o.call); s != nil {
			s.transferring(url)
		}
	}
	return callstate.BlindTransfer{Transferor: side, Target: o.v[target.name], Wait: o.script != nil}, nil
}

// transferAgreed: a transfer that was refused has no end to be told of.
func (a *API) transferAgreed(o *order, agreed bool) {
	if s := a.sessions.of(o.call); s != nil && !agreed && o.v[finishedURL.name] != "" {
		s.transferring("")
	}
}

// appOf is the side of the API extension that is in a call; zero when there is none.
func appOf(s *callstate.Summary) callstate.LegID {
	for i := range s.Legs {
		if l := &s.Legs[i]; l.App && l.State == callstate.LegUp {
			return l.ID
		}
	}
	return callstate.LegID{}
}
