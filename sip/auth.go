package sip

import (
	"github.com/emiago/sipgo/sip"

	"ringdown/sip/internal/digest"
	"ringdown/sip/internal/tx"
)

// authenticate tells who sent a request; else it has answered it. Known and unknown users get the same answers in the
// same way (edge case X8).
func (a *Agent) authenticate(s *tx.Server) (user string, ok bool) {
	req := s.Request()
	var values []string
	for _, h := range req.GetHeaders("Authorization") {
		values = append(values, h.Value())
	}
	res := a.auth.Verify(values, string(req.Method), req.Recipient.String(), func(user string) (digest.Secret, bool) {
		secret, known := a.secrets[user]
		return secret, known
	})
	switch res.Status {
	case digest.OK:
		return res.User, true
	case digest.Missing:
		a.challenge(s, false)
	case digest.Stale:
		a.challenge(s, true)
	case digest.Malformed:
		a.respond(s, 400, "Bad Authorization")
	default:
		a.log.Warn("authentication failed", "method", string(req.Method), "source", s.Flow().Remote.String())
		a.respond(s, 403, "")
	}
	return "", false
}

func (a *Agent) challenge(s *tx.Server, stale bool) {
	var hs []sip.Header
	for _, c := range a.auth.Challenges(stale) {
		hs = append(hs, sip.NewHeader("WWW-Authenticate", c))
	}
	a.respond(s, 401, "", hs...)
}
