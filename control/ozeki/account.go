package ozeki

import "ringdown/control/access"

func accounts(users []User) access.Accounts {
	list := make([]access.Account, len(users))
	for i, u := range users {
		list[i] = access.Account{Name: u.Username, Secret: u.Password}
	}
	return access.NewAccounts(list)
}

// authenticate checks the credentials in p (spec ozeki 1.4). It returns the user, or the refusal.
func (a *API) authenticate(p *params) (string, *reply) {
	username, ok := p.values["username"]
	if !ok || username == "" || p.password == "" {
		return "", authenticationRequired()
	}
	user, ok := a.accounts.Find(username, p.password)
	if !ok {
		return "", authenticationFailed()
	}
	return user, nil
}
