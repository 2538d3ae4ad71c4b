package sip

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/sip/internal/tx"
)

// ping is the OPTIONS that tell whether a target is there (edge case N16).
type ping struct {
	next   time.Time // when the next one is due
	sent   time.Time
	open   bool // one is under way
	misses int  // in a row
	heard  bool // the target answered an OPTIONS once. One that never did may just not answer them: it is not down
	down   bool
}

// never tells whether the target was asked often enough to say that it does not answer OPTIONS.
func (p *ping) never() bool { return !p.heard && p.misses >= pingMisses }

// alive: the target answered something. That tells nothing of whether it answers OPTIONS.
func (p *ping) alive() {
	p.down = false
	if p.heard {
		p.misses = 0
	}
}

// doubt: the target was silent to one of the requests that matter. If it used to answer OPTIONS, the next one that it does
// not answer shows that it is gone.
func (p *ping) doubt() {
	if p.heard {
		p.misses = max(p.misses, pingMisses-1)
	}
}

const (
	pingPatience = 5 * time.Second
	pingAgain    = 10 * time.Second // after a miss, if Qualify is longer
	pingMisses   = 3
)

// keep is the trunk's goroutine: it looks the address up, registers, asks whether it is there, and tells what changed.
func (t *trunk) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			t.unregister()
			return
		case <-t.wake:
		case <-timer.C:
		}
		t.resolve(ctx)
		if ctx.Err() == nil {
			t.qualify()
			t.registering()
			t.tell()
			timer.Reset(max(time.Until(t.due()), time.Millisecond))
		}
	}
}

// due is when something has to be done next, if nothing happens before.
func (t *trunk) due() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	next := now.Add(lookupEvery)
	sooner := func(at time.Time) {
		if at.After(now) && at.Before(next) {
			next = at
		}
	}
	sooner(t.found.next)
	for _, g := range t.targets {
		sooner(g.out)
		sooner(g.ping.next)
		if g.ping.open {
			sooner(g.ping.sent.Add(t.pingPatience()))
		}
	}
	if t.Register {
		sooner(t.reg.until)
		sooner(t.reg.next)
	}
	return next
}

// tell logs a change and passes it on. Only the keeper calls it, so that changes are told in order.
func (t *trunk) tell() {
	t.mu.Lock()
	s := t.state(time.Now())
	if !t.everTold && s.Reason == noSocket {
		t.mu.Unlock()
		return // the sockets are still being opened
	}
	same := t.everTold && s.Status == t.told.Status && s.Reason == t.told.Reason && s.Address == t.told.Address
	if !same {
		t.told, t.everTold = s, true
	}
	t.mu.Unlock()
	if same {
		return
	}
	t.a.log.Info("trunk changed", s.attrs()...)
	if t.a.cfg.OnTrunk != nil {
		t.a.cfg.OnTrunk(s)
	}
}

// attrs are what the log says of a state.
func (s TrunkState) attrs() (list []any) {
	list = append(list, "trunk", s.Name, "status", string(s.Status))
	if s.Address.IsValid() {
		list = append(list, "address", s.Address.String())
	}
	if s.Reason != "" {
		list = append(list, "reason", s.Reason)
	}
	return list
}

func (t *trunk) pingPatience() time.Duration { return min(pingPatience, t.Qualify) }

// qualify counts OPTIONS that were not answered, and sends those that are due.
func (t *trunk) qualify() {
	if t.Qualify == 0 {
		return
	}
	var due []netip.AddrPort
	t.mu.Lock()
	now := time.Now()
	for _, g := range t.targets {
		p := &g.ping
		if p.open && !now.Before(p.sent.Add(t.pingPatience())) {
			p.open = false
			p.misses++
			p.down = p.heard && p.misses >= pingMisses
			p.next = p.sent.Add(max(t.pingPatience(), min(t.Qualify, pingAgain)))
		}
		if !p.open && !now.Before(p.next) {
			p.open, p.sent, p.next = true, now, now.Add(t.Qualify)
			due = append(due, g.remote)
		}
	}
	t.mu.Unlock()
	for _, remote := range due {
		t.options(remote)
	}
}

// options sends one OPTIONS. Whatever is answered shows that the target is there, but 503 with Retry-After that it wants
// no calls (edge case O7).
func (t *trunk) options(remote netip.AddrPort) {
	f, err := t.flow(remote)
	if err != nil {
		return // no socket: the status says so
	}
	req := t.request(sip.OPTIONS, t.uri(""), f, tx.NewTag(), tx.NewTag()+tx.NewTag(), 1)
	defer req.Free()
	req.Add("Accept", "application/sdp")
	_, err = t.a.layer.Request(req, f, func(ev tx.ClientEvent) {
		if ev.Err != nil {
			return // it is missed by its own, shorter time
		}
		t.about(remote, func(g *target) {
			g.ping.open, g.ping.heard = false, true
			g.ping.alive() // a pause after an INVITE without an answer goes on: this is none
		})
		if d, ok := retryAfter(ev.Res); ok && ev.Res.StatusCode == 503 {
			t.pause(remote, d)
		}
	})
	if err != nil {
		t.a.log.Debug("OPTIONS not sent", "trunk", t.Name, "err", err)
	}
}

// request begins a request to the trunk outside of any dialog of a call.
func (t *trunk) request(method sip.RequestMethod, uri string, f tx.Flow, tag, callID string, seq uint32) *tx.Request {
	who := "<" + t.a.aor("ringdown") + ">"
	to := "<" + uri + ">"
	if method == sip.REGISTER {
		who = "<" + t.account() + ">"
		to = who
	}
	req := tx.NewRequest(method, uri, seq)
	req.Add("Max-Forwards", "70")
	req.AddParty("From", who, tag)
	req.Add("To", to)
	req.Add("Call-ID", callID)
	req.Add("Contact", t.contact(f))
	req.Add("User-Agent", t.a.cfg.Version)
	return req
}

// uri is a number at the trunk, or the trunk itself.
func (t *trunk) uri(number string) string {
	uri := "sip:"
	if number != "" {
		uri += escape(number) + "@"
	}
	uri += t.hostPort()
	if t.transport == "TCP" {
		uri += ";transport=tcp"
	}
	return uri
}

func (t *trunk) hostPort() string {
	host := t.host
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	if t.port != 0 {
		host += ":" + strconv.Itoa(int(t.port))
	}
	return host
}

// contact is our Contact toward the trunk: at a registered one, of the account, by which its calls are known.
func (t *trunk) contact(f tx.Flow) string {
	if t.Register {
		return t.a.contactOf(t.Username, f)
	}
	return t.a.contact(f)
}

// retryAfter reads Retry-After: seconds, perhaps with a comment and parameters (RFC 3261 §20.33).
func retryAfter(res *sip.Response) (time.Duration, bool) {
	v := first(res, "Retry-After")
	end := 0
	for end < len(v) && v[end] >= '0' && v[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(v[:end], 10, 31)
	return time.Duration(n) * time.Second, err == nil && n > 0
}
