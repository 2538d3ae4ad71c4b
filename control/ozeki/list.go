package ozeki

import (
	"strconv"
	"time"

	"ringdown/callstate"
)

// stateNames is what CallState shows (spec ozeki 4.1). A call without a name here has ended and is not shown.
var stateNames = map[callstate.Shown]string{
	callstate.ShownSetup:   "Setup",
	callstate.ShownRinging: "Ringing",
	callstate.ShownInCall:  "InCall",
	callstate.ShownHeld:    "Hold",
}

// appendList adds the answer to ListActiveCalls (spec ozeki 8.3): each call as it last showed itself, no lock held
// from one to the next (edge case A9), and an empty container when there is none.
func (a *API) appendList(b []byte) []byte {
	b = append(b, openList...)
	b = success().appendHead(b)
	b = append(b, " <ActiveCalls>"...)
	empty := len(b)
	list := a.calls.List()
	now := a.calls.Now()
	for _, s := range list {
		if state, ok := stateNames[s.State]; ok {
			if id := a.listedID(s.ID); id != "" {
				b = appendCall(b, s, id, state, now)
			}
		}
	}
	if len(b) > empty {
		b = append(b, ' ')
	}
	b = append(b, "</ActiveCalls>"...)
	return append(b, closing...)
}

// listedID is the id of a call in a list, empty when it has ended meanwhile. A call whose notice has not come yet gets
// its id here. When its last notice has come and gone already, it must not: nothing would ever take the id away.
func (a *API) listedID(call callstate.CallID) string {
	id, fresh := a.ids.name(call)
	if fresh && a.calls.Get(call) == nil {
		a.ids.end(call)
		return ""
	}
	return id
}

// appendCall adds the ten fields in the vendor's order. CallerId is the name that is displayed, the number where there
// is none.
func appendCall(b []byte, s *callstate.Summary, id, state string, now callstate.Time) []byte {
	b = append(b, " <Call>"...)
	b = appendField(b, "CallId", id)
	b = appendField(b, "Source", s.Caller.Number)
	b = appendField(b, "CallerId", shownName(seenCaller(s)))
	b = appendField(b, "Destination", s.Callee.Number)
	b = appendField(b, "CallerDialed", s.CallerDialled)
	b = appendField(b, "CalleeDialed", s.CalleeDialled)
	b = append(b, " <StartTime>"...)
	b = s.Started.Wall.In(time.Local).AppendFormat(b, time.DateTime)
	b = append(b, "</StartTime> <RingDuration>"...)
	b = appendSeconds(b, s.RingDuration(now))
	b = append(b, "</RingDuration> <TalkDuration>"...)
	b = appendSeconds(b, s.TalkDuration(now))
	b = append(b, "</TalkDuration>"...)
	b = appendField(b, "CallState", state)
	return append(b, " </Call>"...)
}

func appendField(b []byte, name, text string) []byte {
	b = append(b, " <"...)
	b = append(b, name...)
	b = append(b, '>')
	b = appendText(b, text)
	b = append(b, "</"...)
	b = append(b, name...)
	return append(b, '>')
}

// appendSeconds adds d, which is not negative, in seconds with three decimals.
func appendSeconds(b []byte, d time.Duration) []byte {
	ms := d.Milliseconds()
	b = strconv.AppendInt(b, ms/1000, 10)
	return append(b, '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
}
