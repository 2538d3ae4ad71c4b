package yeastar

import (
	"errors"

	"ringdown/callstate"
	"ringdown/control/access"
)

// operations are the values of attended_operate.
var operations = map[string]callstate.Operation{
	"abort": callstate.Abort, "complete": callstate.Complete, "threeway": callstate.Threeway, "swap": callstate.Swap,
}

// transfer is POST call/transfer (spec yeastar-p 5.1): a blind transfer of the member named by channel_id, or an
// attended one by the member named by it, in two requests.
func (a *API) transfer(t *turn) *answer {
	kind, number := t.params.text("type"), t.params.text("number")
	operate := t.params.text("attended_operate")
	operation, known := operations[operate]
	switch {
	case kind != "blind" && kind != "attended":
		return answerOf(codeParameter, "type is neither blind nor attended")
	case operate != "" && !known:
		return answerOf(codeParameter, "attended_operate is not known")
	case operate != "" && kind == "blind":
		return answerOf(codeParameter, "attended_operate with a blind transfer")
	case operate == "" && number == "":
		return answerOf(codeParameter, "number is missing")
	case number != "" && !access.Number(number):
		return answerOf(codeParameter, "number is none")
	}
	rights := t.params.text("dial_permission") // whose outbound right counts; without it, the member's own
	if rights != "" && !a.Extension(rights) {
		return answerOf(codeParameter, "dial_permission names no extension")
	}
	leg, refused := a.leg(t)
	switch {
	case refused != nil:
		return refused
	case kind == "blind":
		return a.ask(t, callstate.MoveLeg{Leg: leg, Target: number, Rights: rights})
	case operate == "":
		return a.ask(t, callstate.Consult{Transferor: leg, Target: number, Rights: rights})
	}
	// Both are given: the operation counts where there is something to operate on, else a transfer begins.
	got := a.do(t, callstate.Operate{Transferor: leg, Do: operation})
	if e, ok := errors.AsType[*callstate.Error](got); ok && e.Kind == callstate.WrongState && number != "" {
		got = a.do(t, callstate.Consult{Transferor: leg, Target: number, Rights: rights})
	}
	return a.asked(t, got)
}
