package sip

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/sip/internal/digest"
	"ringdown/sip/internal/tx"
)

// authenticate tells who sent a request; else it has answered it. Known and unknown users get the same answers in the
// same way (edge case X8).
func (a *Agent) authenticate(s *tx.Server) (user string, ok bool) {
	req := s.Request()
	var values []string
	for h := range each(req, "Authorization") {
		values = append(values, h.Value())
	}
	res := a.auth.Verify(values, string(req.Method), tx.URI(&req.Recipient), func(user string) (digest.Secret, bool) {
		secret, known := a.secrets[user]
		return secret, known
	})
	switch res.Status {
	case digest.OK:
		return strings.Clone(res.User), true
	case digest.Missing:
		a.challenge(s, false)
	case digest.Stale:
		a.challenge(s, true)
	case digest.Malformed:
		if left, ok := a.unfit.line(time.Now()); ok {
			a.log.Info("credentials do not fit the request", "method", string(req.Method), "reason", res.Fault,
				"source", s.Flow().Remote.String(), "left_out", left)
		}
		a.respond(s, 400, "Bad Authorization: "+res.Fault)
	default:
		a.log.Warn("authentication failed", "method", string(req.Method), "number", clip(res.User),
			"reason", a.whyWrong(res.User), "source", s.Flow().Remote.String())
		a.respond(s, 403, "")
	}
	return "", false
}

// unknownCaller logs an INVITE that is challenged although no phone of ours sends it: a trunk's whose address the config
// does not name looks like this.
func (a *Agent) unknownCaller(s *tx.Server) {
	req := s.Request()
	if _, known := a.secrets[unescape(req.From().Address.User)]; known || has(req, "Authorization") {
		return
	}
	if left, ok := a.unknown.line(time.Now()); ok {
		a.log.Info("call from an address that is no trunk's: challenged", "source", s.Flow().Remote.String(),
			"from", clip(numberOf(req.From().Address)), "to", clip(numberOf(req.Recipient)), "left_out", left)
	}
}

// sparse bounds how often strangers may have a line written. Safe for concurrent use.
type sparse struct {
	mu   sync.Mutex
	next time.Time
	left int // lines left out since the last one
}

// sparseGap is the time between two lines.
const sparseGap = 5 * time.Second

// line tells whether one may be written now, and how many were left out before it.
func (p *sparse) line(now time.Time) (left int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) {
		p.left++
		return 0, false
	}
	left, p.left, p.next = p.left, 0, now.Add(sparseGap)
	return left, true
}

// whyWrong is for the log alone: the phone is never told which of the two it was (edge case X8).
func (a *Agent) whyWrong(user string) string {
	if _, known := a.secrets[user]; known {
		return "wrong password"
	}
	return "no such extension"
}

// clip bounds what a stranger may write into the log.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// challenge asks who it is, once for each algorithm in the order of the config.
func (a *Agent) challenge(s *tx.Server, stale bool) {
	challenges := a.auth.Challenges(stale)
	if failsOnUnknownAlgorithm(first(s.Request(), "User-Agent")) {
		challenges = slices.DeleteFunc(challenges, func(c string) bool { return !strings.Contains(c, "algorithm=MD5") })
	}
	res := s.NewAnswer(401, "")
	for _, c := range challenges {
		res.Add("WWW-Authenticate", c)
	}
	if s.Request().Method == sip.INVITE {
		a.send(s, res) // its ACK is waited for
		return
	}
	res.Add("Server", a.cfg.Version)
	if err := s.RespondOnce(res); err != nil {
		a.log.Debug("challenge not sent", "sip_call_id", s.Request().CallID().Value(), "err", err)
	}
}

// failsOnUnknownAlgorithm tells phones that give up when any challenge names an algorithm that they do not know, where
// RFC 8760 §2.4 has them take the next one: baresip up to 1.x ("Function not implemented"). They get MD5 alone.
func failsOnUnknownAlgorithm(userAgent string) bool {
	return strings.HasPrefix(userAgent, "baresip v0.") || strings.HasPrefix(userAgent, "baresip v1.")
}
