package sip

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/sip/internal/tx"
)

// registration is what a trunk with Register keeps of its own (RFC 3261 §10.2). All its REGISTERs share Call-ID and
// From-tag, and their CSeq rises.
type registration struct {
	callID, tag string
	seq         uint32
	asked       time.Duration // what is asked for; 423 makes it longer
	until       time.Time     // it is in force before that time
	reason      string        // why it is not, in words; empty before the first answer
	next        time.Time     // when the next REGISTER is due
	fails       int           // in a row, of rounds
	held        bool          // the trunk said 200 once, and we did not take it back

	busy   bool // a REGISTER is under way
	round  round
	login  login
	answer *tx.ClientEvent // of the one under way, for the keeper
}

// round is one attempt to register: it ends with 200, or when no address and no answer to a challenge is left.
type round struct {
	chain  chain
	longer bool             // 423 was obeyed
	tried  []netip.AddrPort // addresses that failed
	to     tx.Flow
	req    *tx.Request
}

const (
	registerAgain   = 5 * time.Second  // after a failure, doubling (edge case N15)
	refusedAgain    = 30 * time.Second // after a refusal that another try will hardly change: 401, 403 ...
	longestAgain    = 10 * time.Minute
	unregisterLimit = 2 * time.Second
)

// registering goes on with the registration: it takes an answer in, and sends what is due. Only the keeper calls it.
func (t *trunk) registering() {
	if !t.Register {
		return
	}
	t.mu.Lock()
	ev := t.reg.answer
	t.reg.answer = nil
	t.mu.Unlock()
	if ev != nil {
		t.registered(*ev)
	}
	t.mu.Lock()
	due := !t.reg.busy && t.reachable() && !time.Now().Before(t.reg.next)
	t.mu.Unlock()
	if due {
		t.mu.Lock()
		t.reg.round = round{}
		t.mu.Unlock()
		t.register()
	}
}

// reachable tells whether there is a socket for any target; a new one wakes the keeper. t.mu is held.
func (t *trunk) reachable() bool {
	return slices.ContainsFunc(t.targets, func(g *target) bool {
		_, err := t.flow(g.remote)
		return err == nil
	})
}

// register sends a REGISTER to the next address of the round.
func (t *trunk) register() {
	t.mu.Lock()
	g := t.pick(time.Now(), t.reg.round.tried)
	if g == nil { // all are down, as far as we know: one of them may be back
		for _, other := range t.targets {
			if !contains(t.reg.round.tried, other.remote) {
				g = other
				break
			}
		}
	}
	var err error
	if g == nil {
		err = tx.ErrTransport
	} else {
		t.reg.round.to, err = t.flow(g.remote)
	}
	t.mu.Unlock()
	if err != nil {
		t.unable(noSocket, registerAgain)
		return
	}
	t.sendRegister(t.reg.asked)
}

func contains(list []netip.AddrPort, at netip.AddrPort) bool {
	for _, other := range list {
		if other == at {
			return true
		}
	}
	return false
}

// sendRegister sends one REGISTER on the flow of the round.
func (t *trunk) sendRegister(expires time.Duration) {
	t.mu.Lock()
	r := &t.reg
	r.seq++
	seq, to := r.seq, r.round.to
	t.mu.Unlock()
	req := t.request(sip.REGISTER, t.uri(""), to, r.tag, r.callID, seq)
	req.Add("Expires", strconv.Itoa(int(expires/time.Second)))
	req.Add("Allow", allow)
	r.login.sign(req, t)
	r.round.req = req
	t.mu.Lock()
	r.busy = true
	t.mu.Unlock()
	_, err := t.a.layer.Request(req, to, func(ev tx.ClientEvent) {
		if ev.Res != nil && ev.Res.StatusCode < 200 {
			return
		}
		t.toRegister(seq, ev)
	})
	if err != nil {
		t.toRegister(seq, tx.ClientEvent{Err: err})
	}
}

// toRegister leaves the answer to the REGISTER with that CSeq for the keeper; those to earlier ones come too late.
func (t *trunk) toRegister(seq uint32, ev tx.ClientEvent) {
	t.mu.Lock()
	if seq == t.reg.seq {
		t.reg.answer = &ev
	}
	t.mu.Unlock()
	t.poke()
}

// registered takes the answer to a REGISTER in. Only the keeper calls it.
func (t *trunk) registered(ev tx.ClientEvent) {
	t.mu.Lock()
	t.reg.busy = false
	t.mu.Unlock()
	r := &t.reg
	switch status := statusOf(ev); {
	case status == 0:
		t.silent(r.round.to.Remote)
		t.otherRegistrar("no answer", 0)
		return
	case status < 300:
		t.inForce(ev.Res)
	case challenged(ev) && t.answers(ev, &r.login, r.round.req, &r.round.chain):
		t.sendRegister(r.asked)
	case status == 423 && !r.round.longer && t.longer(ev.Res):
		t.sendRegister(r.asked)
	case status == 503:
		after, ok := retryAfter(ev.Res)
		if ok {
			t.pause(r.round.to.Remote, after)
		}
		t.otherRegistrar("refused with 503", min(after, longestPause))
	case challenged(ev):
		t.unable(accountRefused, refusedAgain)
	case status == 403:
		t.unable(accountRefused, refusedAgain)
	default:
		t.unable(fmt.Sprintf("refused with %d", status), refusedAgain)
	}
	t.heard(r.round.to.Remote)
}

// accountRefused is why a trunk that does not take our credentials is not up.
const accountRefused = "the account is refused"

// statusOf is the status of an answer, 0 of its absence.
func statusOf(ev tx.ClientEvent) int {
	if ev.Res == nil {
		return 0
	}
	return ev.Res.StatusCode
}

// otherRegistrar goes on with the next address of the trunk (edge case N14).
func (t *trunk) otherRegistrar(why string, after time.Duration) {
	t.mu.Lock()
	t.reg.round.tried = append(t.reg.round.tried, t.reg.round.to.Remote)
	t.reg.round.chain = chain{}
	left := len(t.reg.round.tried) < len(t.targets)
	t.mu.Unlock()
	if left {
		t.register()
		return
	}
	t.unable(why, max(registerAgain, after))
}

// unable: the round has failed. The next one comes after a while that grows, with some jitter so that many switches do
// not come back at once (edge case N15, RFC 5626 §4.5). A registration that is still in force stays so.
func (t *trunk) unable(why string, least time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &t.reg
	wait := min(least<<min(r.fails, 10), longestAgain)
	wait -= time.Duration(rand.Int64N(int64(wait / 2)))
	r.fails++
	r.reason, r.next, r.busy = why, time.Now().Add(max(wait, registerAgain/2)), false
	t.a.log.Warn("trunk not registered", "trunk", t.Name, "reason", why, "again", wait.Round(time.Second).String())
}

// inForce: 200. What the registrar grants counts, not what was asked for (RFC 3261 §10.2.4).
func (t *trunk) inForce(res *sip.Response) {
	granted := t.granted(res)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	r := &t.reg
	r.fails, r.held, r.reason = 0, true, "it has run out"
	r.until, r.next = now.Add(granted), now.Add(refreshAfter(granted))
}

// refreshAfter is when a registration that was granted for so long is made anew: after 85 %, but 30 s before its end
// where that is sooner, and not before half of it.
func refreshAfter(granted time.Duration) time.Duration {
	return max(min(granted*85/100, granted-30*time.Second), granted/2)
}

// granted reads how long the registration holds: of our Contact, else of the Expires header, else what was asked for. A
// registrar lists the account's other phones too (RFC 3261 §10.3 step 8): ours is the one with our address.
func (t *trunk) granted(res *sip.Response) time.Duration {
	d := t.reg.asked
	if n, ok := seconds(first(res, "Expires")); ok {
		d = n
	}
	contacts := res.GetHeaders("Contact")
	for _, h := range contacts {
		c, ok := h.(*sip.ContactHeader)
		if !ok || len(contacts) > 1 && !t.isOurs(c.Address) {
			continue
		}
		if v, ok := c.Params.Get("expires"); ok {
			if n, ok := seconds(v); ok {
				d = n
			}
		}
	}
	return min(max(d, time.Second), longestExpires)
}

// isOurs tells whether a URI is the Contact that we registered.
func (t *trunk) isOurs(u sip.Uri) bool {
	addr, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	port := u.Port
	if port == 0 {
		port = sipPort
	}
	ours := t.a.reachedAt(t.reg.round.to)
	return err == nil && unescape(u.User) == t.Username && addr.Unmap() == ours.Addr() && port == int(ours.Port())
}

// seconds reads a number of seconds.
func seconds(text string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	return time.Duration(n) * time.Second, err == nil
}

// longer obeys 423 Interval Too Brief (RFC 3261 §10.2.8).
func (t *trunk) longer(res *sip.Response) bool {
	d, ok := seconds(first(res, "Min-Expires"))
	if !ok || d <= t.reg.asked || d > longestExpires {
		return false
	}
	t.reg.asked, t.reg.round.longer = d, true
	return true
}

// unregister takes the registration back, when the agent closes. It waits a little for the answer.
func (t *trunk) unregister() {
	if !t.reg.held && !t.reg.busy {
		return
	}
	limit := time.NewTimer(unregisterLimit)
	defer limit.Stop()
	t.mu.Lock()
	t.reg.answer, t.reg.held = nil, false
	t.reg.round.chain = chain{}
	t.mu.Unlock()
	t.sendRegister(0)
	for {
		select {
		case <-limit.C:
			t.a.log.Info("trunk not unregistered in time", "trunk", t.Name)
			return
		case <-t.wake:
		}
		t.mu.Lock()
		ev := t.reg.answer
		t.reg.answer = nil
		t.mu.Unlock()
		switch {
		case ev == nil:
		case challenged(*ev) && t.answers(*ev, &t.reg.login, t.reg.round.req, &t.reg.round.chain):
			t.sendRegister(0)
		default:
			return
		}
	}
}

// account is the address of record that we register.
func (t *trunk) account() string { return "sip:" + escape(t.Username) + "@" + t.hostPort() }

var errNoTrunk = errors.New("sip: no such trunk, or it is not to be called now")
