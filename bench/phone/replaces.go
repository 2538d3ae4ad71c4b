package phone

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Replaces is the value of a Replaces header that names this dialog to its peer. The tags are those of the dialog's
// state, not of its INVITE: to-tag is the peer's own, from-tag the phone's, whoever called whom (RFC 3891 §3, §6.1).
// An early dialog has the newest tag that a provisional response told.
func (c *Call) Replaces() string {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	remote := c.remoteTag
	if remote == "" {
		remote = "0" // RFC 3891 §6.1: the peer has told none
	}
	return fmt.Sprintf("%s;to-tag=%s;from-tag=%s", c.ID, remote, c.localTag)
}

// ReferReplaces is an attended transfer (RFC 5589 §7.3): a REFER by which the peer of this call is to take the place of
// the phone in the other one, which may be answered or, semi-attended, still ring. Refer-To names the other party as it
// was dialled, or as it called; Refer with ReferTo does so by its Contact. Options are those of Refer.
func (c *Call) ReferReplaces(ctx context.Context, other *Call, opts ...Option) (*Message, error) {
	other.p.mu.Lock() // it may be another phone's
	target := URIOf(other.remote)
	other.p.mu.Unlock()
	return c.Refer(ctx, "<"+target+"?Replaces="+Escape(other.Replaces())+">", opts...)
}

// ReferTo is a Refer-To for an attended transfer to this call: its peer's Contact, with Replaces.
func (c *Call) ReferTo() string {
	c.p.mu.Lock()
	target := c.target
	c.p.mu.Unlock()
	return "<" + target + "?Replaces=" + Escape(c.Replaces()) + ">"
}

// Escape writes a header value into a URI (RFC 3261 §19.1.2, §25.1: all but unreserved characters).
func Escape(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-_.!~*'()", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// WithReplaces has a Dial take the place of the dialog that the value names, such as that of Call.Replaces of any phone;
// add ";early-only" to have it only while it rings (RFC 3891 §4, §6.1).
func WithReplaces(value string) Option {
	return func(c *choice) {
		c.headers = append(c.headers, Header{"Replaces", value}, Header{"Require", "replaces"})
	}
}

// remember keeps what tells an ended dialog from one that never was. p.mu is held.
func (c *Call) remember() {
	if !c.p.cfg.FollowReplaces {
		return
	}
	key := c.ID + " " + c.localTag
	c.p.past[key] = c.remoteTag
	c.p.after(time.Minute, func() { delete(c.p.past, key) })
}

// replace answers an INVITE with Replaces in the place of the call that it names (RFC 3891 §3). It reports false for an
// INVITE without. p.mu is held.
func (c *Call) replace() bool {
	values := c.Invite.All("Replaces")
	if len(values) == 0 {
		return false
	}
	if len(values) > 1 || c.Invite.Get("Join") != "" {
		c.refuse(400, "")
		return true
	}
	id, _, _ := strings.Cut(values[0], ";")
	here, there := Param(values[0], "to-tag"), Param(values[0], "from-tag")
	key := strings.TrimSpace(id) + " " + here
	old := c.p.calls[key]
	early := strings.Contains(strings.ReplaceAll(values[0], " ", "")+";", ";early-only;")
	switch {
	case old == nil && c.p.past[key] == there && there != "":
		c.refuse(603, "")
	case old == nil || old.remoteTag != there:
		c.refuse(481, "")
	case old.state == answered && early:
		c.refuse(486, "")
	case old.state < answered && old.Incoming: // not an early dialog that was started here
		c.refuse(481, "")
	default:
		c.takeOver(old)
	}
	return true
}

// takeOver answers, and ends the call that is replaced. p.mu is held.
func (c *Call) takeOver(old *Call) {
	c.answer(choose(nil))
	if old.state == answered {
		old.sendBye()
	} else {
		old.cancelled = true
		old.sendCancel()
	}
	if len(c.p.waiting) < 64 {
		c.p.waiting = append(c.p.waiting, c)
	}
}
