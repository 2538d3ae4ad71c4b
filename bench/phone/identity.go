package phone

import (
	"context"
	"fmt"
	"strings"
)

// Identity is a party as a display shows it.
type Identity struct {
	Name   string // display name, without quotes
	Number string // user part of the URI
	URI    string
}

// String is `Name <number>`, or the number alone.
func (i Identity) String() string {
	if i.Name == "" {
		return i.Number
	}
	return i.Name + " <" + i.Number + ">"
}

// parseIdentity reads a From, To, P-Asserted-Identity or Remote-Party-ID value.
func parseIdentity(value string) Identity {
	uri := URIOf(value)
	i := Identity{URI: uri}
	_, rest, _ := strings.Cut(uri, ":")
	number, _, _ := strings.Cut(rest, "@")
	number, _, _ = strings.Cut(number, ";") // parameters of a tel: URI, or of the user
	i.Number = unescape(number)
	name, _, bracketed := strings.Cut(value, "<")
	if name = strings.TrimSpace(name); bracketed && len(name) > 1 && name[0] == '"' {
		name = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(name[1 : len(name)-1])
	}
	if bracketed {
		i.Name = name
	}
	return i
}

// show takes what a message tells about the peer: the first P-Asserted-Identity (RFC 3325 §9.1), or a Remote-Party-ID.
// p.mu is held.
func (c *Call) show(m *Message) {
	for _, name := range []string{"P-Asserted-Identity", "Remote-Party-ID"} {
		if values := m.List(name); len(values) > 0 && values[0] != "" {
			c.shown = parseIdentity(values[0])
			return
		}
	}
}

// Shows is whom the phone displays as its partner: who called or was called, until an INVITE, a response to one, a
// re-INVITE or an UPDATE asserts another.
func (c *Call) Shows() Identity {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.shown
}

// WaitShows waits until the phone displays that number.
func (c *Call) WaitShows(ctx context.Context, number string) error {
	return c.waitState(ctx, fmt.Sprintf("%s on the display, where %s is", number, c.Shows()), func() bool { return c.shown.Number == number })
}

// Redirect refuses the call with 302 and these targets: a number, optionally with parameters such as "2001;q=0.5", or
// a whole Contact value (RFC 3261 §8.1.3.4, §20.10).
func (c *Call) Redirect(contacts ...string) error {
	var opts []Option
	for _, v := range contacts {
		if !strings.Contains(v, "<") {
			number, params, more := strings.Cut(v, ";")
			if v = "<" + c.p.targetURI(number) + ">"; more {
				v += ";" + params
			}
		}
		opts = append(opts, WithHeader("Contact", v))
	}
	return c.Reject(302, "", opts...)
}
