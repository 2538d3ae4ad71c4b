package ozeki

import "ringdown/callstate"

// joinFault is why two calls cannot be joined, before any of them is asked: a CallId that names no call, or a parameter
// that does not fit.
type joinFault struct {
	unknown string
	param   string
	reason  string
}

func (f *joinFault) reply(o *order) *reply {
	if f.unknown != "" {
		return callNotFound(o.echo(f.unknown))
	}
	r := invalidParameter(f.param, o.sent)
	r.reason = f.reason
	return r
}

// attendedTransfer is AttendedTransfer (spec ozeki 8.8): the extension that takes part in both calls leaves both, and
// those it talked to are joined. Who that is follows from the calls themselves; TransferorParty only decides where both
// parties of the transferred call are in the target call too.
func (a *API) attendedTransfer(o *order) (callstate.Request, *joinFault) {
	call, v := o.call, o.v
	other, ok := a.ids.call(v[targetID.name])
	if !ok {
		return nil, &joinFault{unknown: v[targetID.name]}
	}
	if other == call {
		return nil, &joinFault{param: targetID.name, reason: "it is the transferred call"}
	}
	from, to := a.calls.Get(call), a.calls.Get(other)
	if from == nil {
		return nil, &joinFault{unknown: o.id}
	}
	if to == nil {
		return nil, &joinFault{unknown: v[targetID.name]}
	}
	common := commonParties(from, to)
	if len(common) > 1 && v[tieBreaker.name] != "" {
		common = onSide(common, callstate.Side(v[tieBreaker.name]))
	}
	switch len(common) {
	case 0:
		return nil, &joinFault{param: targetID.name, reason: "no extension takes part in both calls"}
	case 1:
		return callstate.AttendedTransfer{Transferor: common[0].here.ID, Consultation: common[0].there}, nil
	}
	return nil, &joinFault{param: tieBreaker.name, reason: "both parties take part in both calls"}
}

// common is an extension in two calls.
type common struct {
	here  *callstate.LegSummary // in the transferred call
	there callstate.LegID       // in the target call
}

// commonParties lists the phones of the first call whose extension has one in the second too. Outside parties are not
// meant: the number that somebody calls from proves nothing.
func commonParties(from, to *callstate.Summary) (list []common) {
	for i := range from.Legs {
		l := &from.Legs[i]
		if !takesPart(l) {
			continue
		}
		for j := range to.Legs {
			if m := &to.Legs[j]; takesPart(m) && m.Party.Number == l.Party.Number {
				list = append(list, common{l, m.ID})
				break
			}
		}
	}
	return list
}

// takesPart tells whether a leg is one of an extension that called or has answered.
func takesPart(l *callstate.LegSummary) bool {
	switch l.State {
	case callstate.LegUp, callstate.LegAnswering:
	case callstate.LegIsOffered, callstate.LegRinging:
		if !l.Inbound {
			return false
		}
	default:
		return false
	}
	return l.Trunk == "" && l.Party.Number != ""
}

// onSide keeps those who are on a side of the transferred call.
func onSide(list []common, side callstate.Side) (kept []common) {
	for _, c := range list {
		if c.here.Calling == (side == callstate.Caller) {
			kept = append(kept, c)
		}
	}
	return kept
}
