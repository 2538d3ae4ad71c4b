package ozeki

import (
	"context"
	"strings"

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
		o = &order{row: row, sent: c.Name, v: v, echo: plain, script: h}
		r = h.session.api.carryOut(ctx, o)
	}
	h.session.api.logElement(h, c, r)
	switch {
	case r.code != codeOK && h.over():
		return ozml.Outcome{Over: true}
	case r.code != codeOK:
		return ozml.Outcome{Fault: &ozml.Fault{Code: r.code, Message: r.message}}
	}
	return ozml.Outcome{Over: o.row.over && o.home()}
}

// over tells whether the call, or the API extension that the script speaks for, is gone.
func (h *host) over() bool {
	s := h.session
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended || h.Extension() && !here(s.last, h.side.leg)
}

// Fetch asks an application for a script.
func (h *host) Fetch(ctx context.Context, ask ozml.Ask) (*ozml.Script, *ozml.Fault) {
	s := h.session
	param, element := "Url", "GoTo"
	if ask.Notification == "DtmfEntered" {
		param, element = "ForwardToUrl", "UserInput"
	}
	bad := func() *ozml.Fault {
		r := invalidParameter(param, element)
		return &ozml.Fault{Code: r.code, Message: r.message}
	}
	url, err := s.api.hosts.resolve(ask.From, ask.URL)
	if err != nil {
		return nil, bad()
	}
	s.mu.Lock()
	f := toExtension(ask.Notification, s.at, h.side.number, s.last)
	s.mu.Unlock()
	for name, value := range ask.Extra {
		f = f.add(name, value)
	}
	script, err := s.ask(ctx, ask.Notification, url, f)
	if refused, ok := err.(refusal); ok {
		r := parseError(refused)
		return nil, &ozml.Fault{Code: r.code, Message: r.message}
	}
	if err != nil {
		return nil, bad()
	}
	return script, nil
}

// Keys are those that the far end presses.
func (h *host) Keys() *ozml.Keys { return h.session.keys }

// Report tells the application of a fault of its script.
func (h *host) Report(f ozml.Fault) { h.session.fault(f.Code, f.Message) }

// logElement writes the one line of an element. What it says or plays is not in it.
func (a *API) logElement(h *host, c ozml.Command, r *reply) {
	_, id := h.call()
	a.log.Info("ozml element", "element", plain(c.Name), "line", c.Line, "code", r.code, "call_id", id, "reason", r.reason)
}
