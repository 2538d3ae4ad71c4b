package sip

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
)

// replaces is what a Replaces header says (RFC 3891 §6.1): a dialog as the header's recipient sees it, to-tag being its
// own and from-tag its peer's.
type replaces struct {
	callID, toTag, fromTag string
	earlyOnly              bool
}

// readReplaces reads the value of one Replaces header: the parameters in any order, those that are unknown are passed
// over. It is false for what is none: each tag is needed once, and what the grammar has no room for (white space,
// control characters, a second value after a comma) is never passed on to anybody (X15).
func readReplaces(value string) (r replaces, ok bool) {
	callID, params, _ := strings.Cut(value, ";")
	if r.callID = strings.Trim(callID, " \t"); !isCallID(r.callID) {
		return replaces{}, false
	}
	for p := range strings.SplitSeq(params, ";") {
		name, v, given := strings.Cut(p, "=")
		name, v = strings.Trim(name, " \t"), strings.Trim(v, " \t")
		switch {
		case strings.EqualFold(name, "to-tag") && r.toTag == "" && isToken(v):
			r.toTag = v
		case strings.EqualFold(name, "from-tag") && r.fromTag == "" && isToken(v):
			r.fromTag = v
		case strings.EqualFold(name, "to-tag"), strings.EqualFold(name, "from-tag"):
			return replaces{}, false
		case strings.EqualFold(name, "early-only"):
			r.earlyOnly = true
		case !isToken(name) || given && (!isPlain(v) || strings.Contains(v, ",")):
			return replaces{}, false
		}
	}
	return r, r.toTag != "" && r.fromTag != ""
}

// isCallID tells whether s is word ["@" word] (RFC 3261 §25.1).
func isCallID(s string) bool {
	host := strings.IndexByte(s, '@')
	for i := range len(s) {
		switch c := s[i]; {
		case isTokenByte(c), strings.IndexByte(`()<>:\"/[]?{}`, c) >= 0:
		case c == '@' && i == host && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}

// isToken tells whether s is a token (RFC 3261 §25.1).
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|32 && c|32 <= 'z' || strings.IndexByte("-.!%*_+`'~", c) >= 0
}

// isPlain tells whether s can stand in a header: it has no control characters.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// same compares a tag of ours with one that a Replaces names, where "0" stands for none (RFC 3891 §6.1).
func same(tag, named string) bool { return tag == named || tag == "" && named == "0" }

// find looks for the dialog that a Replaces names on behalf of a user: the leg whose dialog it is, or the status that
// tells why there is none: 481 it names no dialog of ours, 603 the dialog has ended (P3, P4).
//
// The header is read as its recipient sees it (RFC 3891 §3). Some phones write down what they see themselves; that is
// taken too, but for a dialog of the same user only (P10).
func (a *Agent) find(r replaces, user string) (l *leg, status int) {
	a.mu.RLock()
	l = a.dialogs[dialogID{r.callID, r.toTag}]
	if l == nil || !same(l.peerTag, r.fromTag) {
		l = a.dialogs[dialogID{r.callID, r.fromTag}]
		if l != nil && (l.user != user || !same(l.peerTag, r.toTag)) {
			l = nil
		}
	}
	a.mu.RUnlock()
	switch {
	case l != nil && !l.gone.Load():
		return l, 0
	case l != nil, a.past.has(r.callID, r.toTag, r.fromTag), a.past.has(r.callID, r.fromTag, r.toTag):
		return nil, 603
	}
	return nil, 481
}

// referred finds the dialog that a REFER of this leg's phone names. It has to be one of the same user: another's
// dialog would be hijacked (P12).
func (l *leg) referred(r replaces) callstate.Replaced {
	other, status := l.a.find(r, l.user)
	switch {
	case status != 0:
		return callstate.Replaced{Status: status}
	case other.user != l.user:
		l.a.log.Warn("Replaces names the dialog of somebody else", "leg", l.id.String(), "number", l.user,
			"named", other.id.String(), "owner", other.user, "source", l.flow.Remote.String())
		return callstate.Replaced{Status: 403}
	}
	return callstate.Replaced{Leg: other.id, EarlyOnly: r.earlyOnly}
}

// toReplace finds the dialog whose place an INVITE wants to take (RFC 3891 §3); Given is false when it wants none.
// Whose dialog it is does not matter here: the call decides who may. status is not 0 when the INVITE is refused.
func (a *Agent) toReplace(req *sip.Request, user string) (d callstate.Replaced, status int, reason string) {
	switch n := values(req, "Replaces"); {
	case n == 0:
		return d, 0, ""
	case n > 1:
		return d, 400, "More than one Replaces" // P11
	case values(req, "Join") > 0:
		return d, 400, "Replaces and Join" // P11
	}
	r, ok := readReplaces(first(req, "Replaces"))
	if !ok {
		return d, 400, "Bad Replaces"
	}
	l, status := a.find(r, user)
	if status != 0 {
		return d, status, ""
	}
	return callstate.Replaced{Leg: l.id, EarlyOnly: r.earlyOnly}, 0, ""
}

// meet notes the peer's tag, for those who look for this leg's dialog.
func (l *leg) meet(tag string) {
	l.a.mu.Lock()
	l.peerTag = tag
	l.a.mu.Unlock()
}

// pastDialogs remembers for some time which dialogs have ended, so that a Replaces that comes too late is told from one
// that names nothing (RFC 3891 §3). Of each it keeps a hash alone: at 400 calls a second the two generations hold
// 50,000 of them, about 1 MB.
type pastDialogs struct {
	seed maphash.Seed

	mu         sync.Mutex
	young, old map[uint64]struct{}
	since      time.Time // when young began
}

const (
	pastSpan = 64 * t1 // a dialog is remembered for this long, and at most twice as long
	pastMost = 1 << 16 // of one generation; beyond it the time gets shorter
)

func newPastDialogs() *pastDialogs {
	return &pastDialogs{seed: maphash.MakeSeed(), young: map[uint64]struct{}{}, since: time.Now()}
}

// add remembers a dialog; p.age is called from time to time.
func (p *pastDialogs) add(callID, localTag, remoteTag string) {
	h := p.hash(callID, localTag, remoteTag)
	p.age(time.Now())
	p.mu.Lock()
	p.young[h] = struct{}{}
	p.mu.Unlock()
}

func (p *pastDialogs) has(callID, localTag, remoteTag string) bool {
	h := p.hash(callID, localTag, remoteTag)
	p.age(time.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	_, young := p.young[h]
	_, old := p.old[h]
	return young || old
}

// age forgets what is older than it need be.
func (p *pastDialogs) age(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch passed := now.Sub(p.since); {
	case passed >= 2*pastSpan:
		p.young, p.old, p.since = map[uint64]struct{}{}, nil, now
	case passed >= pastSpan || len(p.young) >= pastMost:
		p.young, p.old, p.since = map[uint64]struct{}{}, p.young, now
	}
}

func (p *pastDialogs) hash(callID, localTag, remoteTag string) uint64 {
	if remoteTag == "" {
		remoteTag = "0" // as a Replaces names it
	}
	var h maphash.Hash
	h.SetSeed(p.seed)
	for _, s := range []string{callID, localTag, remoteTag} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	return h.Sum64()
}
