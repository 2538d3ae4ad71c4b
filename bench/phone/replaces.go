package phone

import (
	"context"
	"net/url"
	"strings"
)

// Replaces is the value of a Replaces header that names this dialog to whoever is at its other end (RFC 3891 §6.1): the
// tags are as that one sees them.
func (c *Call) Replaces() string {
	local, remote := c.Tags()
	for _, m := range c.Responses() {
		if remote == "" && m.Status > 100 && m.Status < 200 {
			remote = m.ToTag() // of an early dialog
		}
	}
	if remote == "" {
		remote = "0" // RFC 3891 §6.1: the other end has given no tag
	}
	return c.ID + ";to-tag=" + remote + ";from-tag=" + local
}

// ReferReplaces sends a REFER inside the dialog that hands its other party to the one of another call of this phone: an
// attended transfer (RFC 5589 §7). It returns the final response; see Refer.
func (c *Call) ReferReplaces(ctx context.Context, other *Call, opts ...Option) (*Message, error) {
	c.p.mu.Lock()
	target := URIOf(other.remote)
	c.p.mu.Unlock()
	return c.Refer(ctx, "<"+target+"?Replaces="+url.QueryEscape(other.Replaces())+">", opts...)
}

// Shows is what the phone's display says of the other party: the number of the last P-Asserted-Identity that it was sent
// in an UPDATE or re-INVITE of the call (RFC 3325, RFC 5876); empty when there was none.
func (c *Call) Shows() string {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.shows
}

// shown keeps the identity in a request of the dialog. p.mu is held.
func (c *Call) shown(m *Message) {
	if v := m.Get("P-Asserted-Identity"); v != "" {
		_, rest, _ := strings.Cut(URIOf(v), ":")
		c.shows, _, _ = strings.Cut(rest, "@")
	}
}
