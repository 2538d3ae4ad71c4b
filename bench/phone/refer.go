package phone

import (
	"context"
	"fmt"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Refer sends a REFER inside the dialog (RFC 3515), for example to "sip:2002@example.com", and returns its final
// response. Its NOTIFYs are what Reports returns, also after the call has ended. A Refer-To or Referred-By among the
// options takes the place of the phone's own, as it is written there; WithHeader("Referred-By", "") sends none. Options:
// WithHeader, ThenHangup, ThenCancel, those about credentials.
func (c *Call) Refer(ctx context.Context, target string, opts ...Option) (*Message, error) {
	if !strings.HasPrefix(target, "<") {
		target = "<" + target + ">"
	}
	given := choose(opts)
	c.p.mu.Lock()
	key := c.ID + " " + c.localTag
	c.p.referrer[key] = c
	c.p.after(10*time.Minute, func() { delete(c.p.referrer, key) })
	own := []Header{{"Refer-To", target}, {"Referred-By", "<" + c.p.URI() + ">"}}
	c.p.mu.Unlock()
	for _, h := range own {
		if !given.sets(h.Name) {
			given.headers = append(given.headers, h)
		}
	}
	given.headers = slices.DeleteFunc(given.headers, func(h Header) bool { return h.Name == "Referred-By" && h.Value == "" })
	build := func() *Message {
		m := c.request("REFER")
		if given.uri != "" {
			m.URI = given.uri
		}
		given.apply(m)
		return m
	}
	return c.p.try(ctx, c.nextLocked(), given, build, func(m *Message) {
		if m.Status >= 200 && m.Status < 300 {
			c.referred(given)
		}
	})
}

// ThenHangup sends the BYE of a Refer's call as soon as its 2xx is read, before anything that comes after it.
func ThenHangup() Option { return func(c *choice) { c.thenHangup = true } }

// ThenCancel sends the CANCEL of another call of the same phone, the consultation of a semi-attended transfer, as soon
// as the 2xx of a Refer is read. A consultation that is answered meanwhile is ended with BYE.
func ThenCancel(consultation *Call) Option { return func(c *choice) { c.thenCancel = consultation } }

// referred does what a Refer was told to do once it is accepted. p.mu is held.
func (c *Call) referred(o choice) {
	if other := o.thenCancel; other != nil && !other.Incoming {
		switch other.state {
		case calling, ringing:
			other.cancelled = true
			if other.client.last != nil {
				other.sendCancel()
			}
		case answered:
			other.sendBye()
		}
	}
	if o.thenHangup && c.state == answered {
		c.sendBye()
	}
}

// Report is one NOTIFY of a REFER's subscription (RFC 3515 §2.4).
type Report struct {
	Status  int    // of the sipfrag; 0 without one that can be read
	Reason  string // its phrase
	Event   string // the package: refer
	ID      string // its id parameter, the CSeq number of the REFER; "" without
	State   string // active, pending or terminated
	Expires int    // seconds; -1 without
	Cause   string // the reason parameter of Subscription-State
	Message *Message
}

// Reports returns the NOTIFYs of the call's subscriptions in the order in which they came. With the answer to a REFER
// only those that carry its id are returned (RFC 3515 §2.4.6).
func (c *Call) Reports(of ...*Message) []Report {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.reports(of)
}

// reports is Reports with p.mu held.
func (c *Call) reports(of []*Message) []Report {
	var all []Report
	for _, m := range c.notifies {
		r := readReport(m)
		mine := len(of) == 0
		for _, answer := range of {
			n, _ := answer.CSeq()
			mine = mine || r.ID == fmt.Sprint(n)
		}
		if mine {
			all = append(all, r)
		}
	}
	return all
}

func readReport(m *Message) Report {
	event, _, _ := strings.Cut(m.Get("Event"), ";")
	state, _, _ := strings.Cut(m.Get("Subscription-State"), ";")
	r := Report{
		Event: strings.TrimSpace(event), ID: Param(m.Get("Event"), "id"), State: strings.TrimSpace(state),
		Cause: Param(m.Get("Subscription-State"), "reason"), Expires: -1, Message: m,
	}
	if n, err := strconv.Atoi(Param(m.Get("Subscription-State"), "expires")); err == nil {
		r.Expires = n
	}
	line, _, _ := strings.Cut(string(m.Body), "\n")
	if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "SIP/2.0 "); ok {
		status, reason, _ := strings.Cut(rest, " ")
		r.Status, _ = strconv.Atoi(status)
		r.Reason = reason
	}
	return r
}

// WaitReported waits for the NOTIFY that ends a subscription, and returns all of them. With the answer to a REFER it is
// the one that carries its id.
func (c *Call) WaitReported(ctx context.Context, of ...*Message) ([]Report, error) {
	var all []Report
	err := c.p.await(ctx, "the last NOTIFY", func() bool {
		all = c.reports(of)
		return slices.ContainsFunc(all, func(r Report) bool { return r.State == "terminated" })
	})
	return all, err
}

// Statuses are the sipfrags of reports, in order.
func Statuses(reports []Report) []int {
	var all []int
	for _, r := range reports {
		all = append(all, r.Status)
	}
	return all
}

// AnswerNotify has the NOTIFYs of this call answered with another status than 200, from now on; 0 leaves them without
// an answer. They are reported all the same.
func (c *Call) AnswerNotify(status int) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.notify = status
}

// serveNotify takes a NOTIFY of a subscription. p.mu is held.
func (c *Call) serveNotify(m *Message) {
	c.notifies = keep(c.notifies, m)
	if c.notify > 0 {
		c.p.reply(m, c.notify)
	}
}

// sets says whether WithHeader names that header, in the long or the short form.
func (c *choice) sets(name string) bool {
	return slices.ContainsFunc(c.headers, func(h Header) bool {
		given := h.Name
		if long := compact[strings.ToLower(given)]; long != "" {
			given = long
		}
		return textproto.CanonicalMIMEHeaderKey(given) == name
	})
}
