package ozeki

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// host is the call that a script runs on, as ozml wants it.
type host struct {
	session *session
	side    side
	asked   question
}

var _ ozml.Host = (*host)(nil)

// call is the call that the script runs on now, with its CallId.
func (h *host) call() (callstate.CallID, string) {
	h.session.mu.Lock()
	defer h.session.mu.Unlock()
	return h.session.call, h.session.at
}

// Extension tells whether the script speaks for an API extension. One that answers CallChanged never does, whoever is in
// the call (spec ozeki 6).
func (h *host) Extension() bool { return !h.side.leg.Zero() }

// Command carries out the row of the API that an element names.
func (h *host) Command(ctx context.Context, c ozml.Command) ozml.Outcome {
	row := byName[strings.ToLower(c.Name)]
	r := inappropriate(c.Name)
	var o *order
	switch {
	case row == nil && !inScripts[strings.ToLower(c.Name)]:
		r = notImplemented(c.Name)
	case row != nil && row.in != urls:
		at := place{script: true, own: h.Extension(), url: func(text string) (string, error) {
			return h.session.api.hosts.resolve(c.From, text)
		}}
		v, fault := row.read(c.Params, at)
		if fault != nil {
			r = fault.reply(c.Name)
			break
		}
		o = &order{row: row, sent: c.Name, v: v, echo: plain, script: h, line: c.Line}
		r = h.session.api.carryOut(ctx, o)
	}
	if r.code == codeOK {
		h.logElement(slog.LevelInfo, c.Name, c.Line, r)
		return ozml.Outcome{Over: o.row.over && o.home()}
	}
	over := h.over()
	if over || ctx.Err() != nil || o != nil && h.gone(o) { // it has ended with its call, which is no fault
		h.logElement(slog.LevelDebug, c.Name, c.Line, r)
		if !over {
			pause(ctx, lastNotice) // which ends ctx; else its API extension is in another call now, and the script goes on there
		}
		return ozml.Outcome{Over: h.over()}
	}
	h.logElement(slog.LevelInfo, c.Name, c.Line, r)
	return ozml.Outcome{Fault: &ozml.Fault{Code: r.code, Message: r.message, Reason: r.reason, State: r.state}}
}

// lastNotice is the longest that the notice of a call's end may come behind the replies to those who waited for it.
const lastNotice = time.Second

// gone tells whether an order about the script's own call came when that had ended, and its last notice had yet to come.
func (h *host) gone(o *order) bool {
	if !o.home() || h.session.api.calls.Get(o.call) != nil {
		return false
	}
	h.session.mu.Lock()
	defer h.session.mu.Unlock()
	return h.session.last == nil || h.session.last.Ended == callstate.Time{}
}

// over tells whether the call, or the API extension that the script speaks for, is gone.
func (h *host) over() bool {
	s := h.session
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended || h.Extension() && !here(s.last, h.side.leg)
}

// Fetch asks an application for a script. Of GoTo a script must come.
func (h *host) Fetch(ctx context.Context, ask ozml.Ask) (*ozml.Script, *ozml.Fault) {
	s := h.session
	param, element := "Url", "GoTo"
	if ask.Notification == "DtmfEntered" {
		param, element = "ForwardToUrl", "UserInput"
	}
	refuse := func(r *reply) (*ozml.Script, *ozml.Fault) {
		h.logElement(slog.LevelInfo, element, ask.Line, r)
		return nil, &ozml.Fault{Code: r.code, Message: r.message, Reason: r.reason}
	}
	bad := func(why string) (*ozml.Script, *ozml.Fault) {
		return refuse((&paramFault{param, why}).reply(element))
	}
	url, err := s.api.hosts.resolve(ask.From, ask.URL)
	if err != nil {
		return bad(err.Error())
	}
	s.mu.Lock()
	f := toExtension(ask.Notification, s.at, h.side.number, s.last)
	s.mu.Unlock()
	for name, value := range ask.Extra {
		f = f.add(name, value)
	}
	script, err := s.ask(ctx, ask.Notification, url, f)
	refused, unread := err.(refusal)
	switch {
	case ctx.Err() != nil:
		return nil, nil
	case unread:
		return refuse(parseError(refused))
	case err != nil:
		return bad(unreached(err))
	case script == nil && element == "GoTo":
		return bad("its answer is empty")
	}
	h.logElement(slog.LevelInfo, element, ask.Line, success())
	return script, nil
}

// Keys are those that the far end presses.
func (h *host) Keys() *ozml.Keys { return h.session.keys }

// Report tells the application of a fault of its script.
func (h *host) Report(f ozml.Fault) { h.session.fault(f) }

// logElement writes the one line of an element. What it says or plays is not in it.
func (h *host) logElement(level slog.Level, name string, line int, r *reply) {
	call, id := h.call()
	h.session.api.log.Log(context.Background(), level, "ozml element", "element", plain(name), "line", line, "code", r.code,
		"call_id", id, "reason", r.reason, "call", uint64(call))
}
