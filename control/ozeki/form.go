package ozeki

import (
	"net/url"
	"strconv"
	"time"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// form are the parameters of a notification as they are posted, in the order in which they were added: its name is the
// first (spec ozeki 5.1).
type form []byte

func newForm(name string) form { return form(nil).add("NotificationName", name) }

func (f form) add(name, value string) form {
	if len(f) > 0 {
		f = append(f, '&')
	}
	f = append(f, url.QueryEscape(name)...)
	f = append(f, '=')
	return append(f, url.QueryEscape(value)...)
}

// seenCaller is the caller as others see it: an application may have it seen as somebody else (Call, Route).
func seenCaller(s *callstate.Summary) callstate.Party {
	if s.Shown != (callstate.Party{}) {
		return s.Shown
	}
	return s.Caller
}

// addCaller adds who calls, in both spellings of the vendor's pages.
func (f form) addCaller(shown string) form { return f.add("CallerId", shown).add("CallerID", shown) }

// callChanged is the CallChanged of a state: the fields of ListActiveCalls (spec ozeki 5.3). As there CallerId is the name that
// phones show, the number where there is none, and Source the number of who calls indeed.
func callChanged(id, state string, s *callstate.Summary, now callstate.Time) form {
	return newForm("CallChanged").add("CallId", id).add("CallState", state).
		add("Source", s.Caller.Number).addCaller(shownName(seenCaller(s))).add("Destination", s.Callee.Number).
		add("CallerDialed", s.CallerDialled).add("CalleeDialed", s.CalleeDialled).
		add("StartTime", s.Started.Wall.In(time.Local).Format(time.DateTime)).
		add("RingDuration", seconds(s.RingDuration(now))).add("TalkDuration", seconds(s.TalkDuration(now)))
}

// toExtension are the parameters of IncomingCall and CallConnected, and of DtmfEntered and GoTo, which carry the same
// (spec ozeki 5.3). Here CallerId is the number that phones show, which applications look up, and CallerDisplayName the name.
func toExtension(name, id, extension string, s *callstate.Summary) form {
	f := newForm(name).add("CallId", id).add("ApiExtension", extension)
	if s == nil {
		return f
	}
	return f.addCaller(seenCaller(s).Number).add("Dialed", s.CallerDialled).add("CallerDisplayName", shownName(seenCaller(s)))
}

// finished is CallFinished or TransferFinished (spec ozeki 5.3).
func finished(name, id, result string, s *callstate.Summary, now callstate.Time) form {
	return newForm(name).add("CallId", id).add("Caller", s.Caller.Number).add("Callee", s.Callee.Number).
		add("Duration", seconds(s.TalkDuration(now))).add("State", result)
}

// errorForm is an Error notification (spec ozeki 5.3). Reason, Element and Line are ours, and are there where they are known:
// Message is the vendor's text, which does not say why.
func errorForm(id string, x ozml.Fault) form {
	f := newForm("Error").add("CallId", id).add("Code", strconv.Itoa(x.Code)).add("Message", x.Message)
	if x.Reason != "" {
		f = f.add("Reason", x.Reason)
	}
	if x.State != "" {
		f = f.add("State", x.State)
	}
	if x.Element != "" {
		f = f.add("Element", x.Element)
	}
	if x.Line > 0 {
		f = f.add("Line", strconv.Itoa(x.Line))
	}
	return f
}

// shownName is the name that is displayed, the number where there is none.
func shownName(p callstate.Party) string {
	if p.Name == "" {
		return p.Number
	}
	return p.Name
}

func seconds(d time.Duration) string { return string(appendSeconds(nil, d)) }
