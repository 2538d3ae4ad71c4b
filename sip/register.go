package sip

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/location"
	"ringdown/sip/internal/tx"
)

// maxContacts is how many contacts one extension may have.
const maxContacts = 10

// register answers a REGISTER (RFC 3261 §10.3).
func (a *Agent) register(s *tx.Server) {
	user, ok := a.authenticate(s)
	if !ok {
		return
	}
	req := s.Request()
	if unescape(req.To().Address.User) != user { // step 4; edge case N7
		a.respond(s, 403, "To is not your number")
		return
	}
	changes, status, reason := a.changes(s)
	if status == 423 {
		a.respond(s, 423, "", header("Min-Expires", strconv.Itoa(a.cfg.Expires.Min)))
		return
	}
	if status != 0 {
		a.respond(s, status, reason)
		return
	}
	now := time.Now()
	bindings := a.bindings.Lookup(user, now)
	if len(changes) > 0 {
		before := bindings
		var err error
		if bindings, err = a.bindings.Update(user, changes, now); err != nil {
			a.refuseRegister(s, err)
			return
		}
		a.moveLegs(user, before, bindings)
		what := "registered"
		if len(bindings) == 0 {
			what = "unregistered"
		}
		a.log.Info(what, "number", user, "contacts", len(bindings), "source", s.Flow().Remote.String())
	}
	res := s.NewAnswer(200, "")
	for _, b := range bindings {
		left := int(b.Expires.Sub(now).Round(time.Second) / time.Second)
		v := "<" + b.Contact + ">;expires=" + strconv.Itoa(left)
		if b.Q < 1 {
			v += ";q=" + strconv.FormatFloat(b.Q, 'g', 3, 64)
		}
		if b.Instance != "" {
			v += ";+sip.instance=\"" + b.Instance + "\""
		}
		res.Add("Contact", v)
	}
	res.Add("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	a.send(s, res)
}

func (a *Agent) refuseRegister(s *tx.Server, err error) {
	switch {
	case errors.Is(err, location.ErrOrder):
		a.respond(s, 500, "CSeq out of order", header("Retry-After", "1")) // step 7; N2
	case errors.Is(err, location.ErrTooMany):
		a.respond(s, 403, "Too many contacts")
	default:
		a.respond(s, 400, "Bad Contact")
	}
}

// changes reads the Contacts of a REGISTER; status 0 when they are fine (RFC 3261 §10.3 steps 6 and 7).
func (a *Agent) changes(s *tx.Server) (changes []location.Change, status int, reason string) {
	req := s.Request()
	common, given, err := expiresHeader(req)
	if err != nil {
		return nil, 400, "Bad Expires"
	}
	base := location.Binding{
		SIPCallID: strings.Clone(req.CallID().Value()), CSeq: req.CSeq().SeqNo,
		Source: s.Flow().Remote, Local: s.Flow().Local, Transport: s.Flow().Transport,
		UserAgent: strings.Clone(first(req, "User-Agent")), Q: 1,
	}
	for h := range each(req, "Contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok {
			return nil, 400, "Bad Contact"
		}
		if c.Address.Wildcard {
			if count(req, "Contact") != 1 || !given || common != 0 {
				return nil, 400, "Contact * needs Expires: 0 and no other contact" // N3
			}
			return []location.Change{{Kind: location.RemoveAll, Binding: base}}, 0, ""
		}
		ch, status, reason := a.change(c, base, common, given)
		if status != 0 {
			return nil, status, reason
		}
		changes = append(changes, ch)
	}
	return changes, 0, ""
}

// change reads one Contact.
func (a *Agent) change(c *sip.ContactHeader, b location.Binding, common int, given bool) (location.Change, int, string) {
	if c.Address.Scheme != "sip" && c.Address.Scheme != "sips" || c.Address.Host == "" {
		return location.Change{}, 400, "Contact is not a SIP URI"
	}
	seconds := a.cfg.Expires.Default
	if given {
		seconds = common
	}
	if v, ok := c.Params.Get("expires"); ok {
		n, err := strconv.ParseUint(v, 10, 32)
		if err == nil { // RFC 3261 §10.3: a malformed one counts as 3600
			seconds = int(n)
		} else {
			seconds = 3600
		}
	}
	if v, ok := c.Params.Get("q"); ok {
		q, err := strconv.ParseFloat(v, 64)
		if err != nil || q < 0 || q > 1 {
			return location.Change{}, 400, "Bad q"
		}
		b.Q = q
	}
	if v, ok := c.Params.Get("+sip.instance"); ok {
		b.Instance = strings.Clone(strings.Trim(v, `"`))
	}
	if v, ok := c.Params.Get("reg-id"); ok {
		b.RegID, _ = strconv.Atoi(v)
	}
	c.Address.Headers = nil
	b.Contact = tx.URI(&c.Address)
	switch {
	case seconds == 0:
		return location.Change{Kind: location.Remove, Binding: b}, 0, ""
	case seconds < a.cfg.Expires.Min:
		return location.Change{}, 423, ""
	}
	b.Expires = time.Now().Add(time.Duration(min(seconds, a.cfg.Expires.Max)) * time.Second)
	return location.Change{Kind: location.Put, Binding: b}, 0, ""
}

// expiresHeader reads the Expires header.
func expiresHeader(req *sip.Request) (seconds int, given bool, err error) {
	v := first(req, "Expires")
	if v == "" {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 32)
	return int(n), true, err
}

// Registered tells whether a phone is registered for number now.
func (a *Agent) Registered(number string) bool { return len(a.bindings.Lookup(number, time.Now())) > 0 }

// locate tells a call where a number is registered now.
func (a *Agent) locate(cmd callstate.Locate) {
	if cmd.Trunk != "" {
		a.locateTrunk(cmd)
		return
	}
	var out []callstate.Contact
	for _, b := range a.bindings.Lookup(cmd.Number, time.Now()) {
		out = append(out, callstate.Contact{URI: b.Contact, Flow: flowText(b)})
	}
	a.cfg.Exchange.Post(callstate.Located{ID: cmd.Call, Ref: cmd.Ref, Contacts: out})
}

// flowText writes where a phone registered from, so that flowOf can read it.
func flowText(b location.Binding) string { return textOf(flow(b)) }

func textOf(f tx.Flow) string {
	var room [128]byte
	b := append(room[:0], f.Transport...)
	b = f.Local.AppendTo(append(b, ' '))
	return string(f.Remote.AppendTo(append(b, ' ')))
}

// flowOf reads what textOf wrote.
func flowOf(text string) (f tx.Flow, err error) {
	transport, rest, _ := strings.Cut(text, " ")
	local, remote, ok := strings.Cut(rest, " ")
	if !ok {
		return f, errors.New("flow " + strconv.Quote(text))
	}
	switch transport {
	case "UDP":
		f.Transport = "UDP" // not a part of text, which it would keep
	case "TCP":
		f.Transport = "TCP"
	default:
		f.Transport = transport
	}
	if f.Local, err = netip.ParseAddrPort(local); err == nil {
		f.Remote, err = netip.ParseAddrPort(remote)
	}
	return f, err
}
