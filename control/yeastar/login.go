package yeastar

import "time"

// getToken is POST get_token (spec yeastar-p 2.1). The vendor does not say how wrong credentials are answered; like
// missing ones.
func (a *API) getToken(t *turn) *answer {
	id, secret := t.params.text("username"), t.params.text("password")
	if id == "" || secret == "" {
		return answerOf(codeParameter, "username or password is missing")
	}
	app, ok := a.accounts.Find(id, secret)
	if !ok {
		if a.blocked.failed(t.remote, time.Now()) {
			a.Log.Warn("yeastar address blocked", "remote", t.remote.String(), "for", a.Block.Time)
		}
		return answerOf(codeParameter, "wrong credentials")
	}
	a.blocked.succeeded(t.remote)
	t.app = app
	got := success()
	got.grant = a.tokens.issue(app, time.Now())
	return got
}

// refreshToken is POST refresh_token (spec yeastar-p 2.2): the old pair stops working.
func (a *API) refreshToken(t *turn) *answer {
	token := t.params.text("refresh_token")
	if token == "" {
		return answerOf(codeParameter, "refresh_token is missing")
	}
	got := success()
	got.grant, t.app = a.tokens.refresh(token, time.Now())
	if got.grant == nil {
		return answerOf(codeToken, "")
	}
	return got
}

// delToken is GET del_token (spec yeastar-p 2.3): the pair dies, and what was opened with it is closed.
func (a *API) delToken(t *turn) *answer {
	a.tokens.revoke(t.grant)
	return success()
}
