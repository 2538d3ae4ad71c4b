package yeastar

import "ringdown/callstate"

// hangup is POST call/hangup (spec yeastar-p 4.3): exactly one of channel_id and paging_number. There are no paging
// groups here, so none can be named.
func (a *API) hangup(t *turn) *answer {
	if t.params.text("paging_number") != "" {
		return answerOf(codeParameter, "there are no paging groups")
	}
	return a.onLeg(t, func(l callstate.LegID) callstate.Request { return callstate.EndLeg{Leg: l} })
}

// hold is POST call/hold (spec yeastar-p 4.4): the member named holds its partner.
func (a *API) hold(t *turn) *answer {
	return a.onLeg(t, func(l callstate.LegID) callstate.Request { return callstate.HoldLeg{Leg: l} })
}

func (a *API) unhold(t *turn) *answer {
	return a.onLeg(t, func(l callstate.LegID) callstate.Request { return callstate.UnholdLeg{Leg: l} })
}

func (a *API) onLeg(t *turn, build func(callstate.LegID) callstate.Request) *answer {
	leg, refused := a.leg(t)
	if refused != nil {
		return refused
	}
	return a.ask(t, build(leg))
}

// leg finds the member named by channel_id, or the refusal.
func (a *API) leg(t *turn) (callstate.LegID, *answer) {
	channel := t.params.text("channel_id")
	if channel == "" {
		return callstate.LegID{}, answerOf(codeParameter, "channel_id is missing")
	}
	at, ok := a.board.find(channel)
	if !ok {
		return callstate.LegID{}, answerOf(codeNoChannel, "")
	}
	t.channel, t.call, t.callID = channel, at.call, at.id
	return at.leg, nil
}

// ask gives a request to the call of a turn and makes the answer.
func (a *API) ask(t *turn, req callstate.Request) *answer { return a.asked(t, a.do(t, req)) }

func (a *API) asked(t *turn, err error) *answer {
	if err != nil {
		return refusal(err)
	}
	got := success()
	got.CallID = t.callID
	return got
}
