package ozeki

import (
	"crypto/sha256"
	"crypto/subtle"
)

// account is a user with hashes of equal length, so that a comparison takes the same time whatever was sent.
type account struct {
	name         string
	user, secret [sha256.Size]byte
}

func accounts(users []User) []account {
	list := make([]account, len(users))
	for i, u := range users {
		list[i] = account{u.Username, sha256.Sum256([]byte(u.Username)), sha256.Sum256([]byte(u.Password))}
	}
	return list
}

// authenticate checks the credentials in p (spec ozeki 1.4). It returns the user, or the refusal. All accounts are
// compared, so that the time tells neither which name exists nor where it stands.
func (a *API) authenticate(p *params) (string, *reply) {
	username, ok := p.values["username"]
	if !ok || username == "" || p.password == "" {
		return "", authenticationRequired()
	}
	user, secret := sha256.Sum256([]byte(username)), sha256.Sum256([]byte(p.password))
	found := -1
	for i := range a.accounts {
		same := subtle.ConstantTimeCompare(user[:], a.accounts[i].user[:]) &
			subtle.ConstantTimeCompare(secret[:], a.accounts[i].secret[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return "", authenticationFailed()
	}
	return a.accounts[found].name, nil
}
