package sip

import (
	"slices"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/digest"
	"ringdown/sip/internal/tx"
)

// login is what a trunk has asked in one dialog, or of one registration: later requests answer it at once
// (RFC 3261 §22.3).
type login struct{ asked []asked }

// asked is the last challenge of one realm.
type asked struct {
	header string // that answers it
	c      digest.Challenge
	nc     uint32
}

// maxRealms is how many realms one dialog may ask for: a proxy and what is behind it.
const maxRealms = 3

// sign puts our answers into a request, in place of those that it has, and returns them.
func (g *login) sign(req *tx.Request, t *trunk) (signed []tx.Header) {
	req.Remove("Authorization")
	req.Remove("Proxy-Authorization")
	for i := range g.asked {
		a := &g.asked[i]
		a.nc++
		answer := a.c.Answer(t.Username, t.Password, string(req.Method), req.URI, a.nc)
		req.Add(a.header, answer)
		signed = append(signed, header(a.header, answer))
	}
	return signed
}

// keep takes a challenge over, in place of the last one of its realm.
func (g *login) keep(header string, c digest.Challenge) bool {
	i := slices.IndexFunc(g.asked, func(a asked) bool { return a.header == header && a.c.Realm == c.Realm })
	switch {
	case i >= 0:
		g.asked[i] = asked{header, c, 0}
	case len(g.asked) == maxRealms:
		return false
	default:
		g.asked = append(g.asked, asked{header, c, 0})
	}
	return true
}

// chain is one request and its repetitions with credentials.
type chain struct {
	answered []string // header and realm of the challenges that were answered
	stale    bool     // a new nonce for old credentials was obeyed
}

// may tells whether a challenge is to be answered: each realm's once, and once more when only the nonce was too old
// (edge case S27; RFC 7616 §3.3).
func (c *chain) may(header string, ch digest.Challenge) bool {
	key := header + " " + ch.Realm
	if !slices.Contains(c.answered, key) {
		c.answered = append(c.answered, key)
		return len(c.answered) <= maxRealms
	}
	ok := ch.Stale && !c.stale
	c.stale = true
	return ok
}

// answers tells whether the trunk's challenge to req can be answered, and keeps it in g. Only the trunk itself gets an
// answer: a challenge from any other address, as of a host that its Contact or a Record-Route names, could be made to
// collect digests (edge cases X9, E3).
func (t *trunk) answers(ev tx.ClientEvent, g *login, req *tx.Request, c *chain) bool {
	if t.Username == "" {
		return false
	}
	if !t.known(ev.Flow.Remote.Addr()) {
		t.a.log.Warn("challenge from a stranger", "trunk", t.Name, "method", string(req.Method), "source", ev.Flow.Remote.String())
		return false
	}
	name, answer := "WWW-Authenticate", "Authorization"
	if ev.Res.StatusCode == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	var values []string
	for h := range each(ev.Res, name) {
		values = append(values, h.Value())
	}
	ch, ok := digest.Choose(values)
	switch {
	case !ok:
		t.a.log.Warn("challenge that cannot be answered", "trunk", t.Name, "method", string(req.Method))
		return false
	case !c.may(answer, ch) || !g.keep(answer, ch):
		t.a.log.Warn("credentials refused", "trunk", t.Name, "method", string(req.Method), "realm", clip(ch.Realm))
		return false
	}
	return true
}

func challenged(ev tx.ClientEvent) bool {
	return ev.Res != nil && (ev.Res.StatusCode == 401 || ev.Res.StatusCode == 407)
}

// challengedIn is a challenge to a request of this leg other than its first INVITE.
type challengedIn struct {
	tx.ClientEvent
	req   *tx.Request
	on    func(tx.ClientEvent)
	chain chain
}

// ask sends a request inside the dialog. What a trunk answers to a challenged one comes to on, the challenge does not
// (S26, E3).
func (l *leg) ask(req *tx.Request, on func(tx.ClientEvent)) (*tx.Client, error) {
	if l.line == nil {
		defer req.Free()
		return l.a.layer.Request(req, l.flow, on)
	}
	l.line.sign(req)
	return l.askAs(req, on, chain{})
}

func (l *leg) askAs(req *tx.Request, on func(tx.ClientEvent), c chain) (*tx.Client, error) {
	return l.a.layer.Request(req, l.flow, func(ev tx.ClientEvent) {
		switch {
		case challenged(ev):
			l.put(challengedIn{ev, req, on, c})
			return
		case req.Method == sip.INVITE: // copies of a 2xx come here too
		case ev.Err != nil || ev.Res.StatusCode >= 200:
			req.Free()
		}
		on(ev)
	})
}

// challenged sends a request again with credentials and the next CSeq (RFC 3261 §22.2).
func (l *leg) challenged(in challengedIn) {
	if !l.line.t.answers(in.ClientEvent, &l.line.login, in.req, &in.chain) {
		in.on(in.ClientEvent)
		return
	}
	l.again(in.req)
	if _, err := l.askAs(in.req, in.on, in.chain); err != nil {
		in.on(tx.ClientEvent{Err: err})
	}
}

// again makes a request a new one of the dialog: it gets the next CSeq, and credentials.
func (l *leg) again(req *tx.Request) {
	l.dialog.localSeq++
	req.Seq = l.dialog.localSeq
	l.line.sign(req)
}

// refusedLogin is the cause of a leg whose trunk does not take our credentials, or has none to ask for: the caller has
// no part in it, so that it is told no 401.
func refusedLogin(status int) callstate.Cause {
	return callstate.Cause{Kind: callstate.Forbidden, Status: status, Remote: true}
}
