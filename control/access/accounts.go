package access

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Account is who may use an API.
type Account struct{ Name, Secret string }

// Accounts are the accounts of one API, as hashes of equal length, so that a comparison takes the same time whatever
// was sent. Immutable.
type Accounts struct{ list []account }

type account struct {
	name               string
	nameHash, password [sha256.Size]byte
}

// NewAccounts keeps the accounts, not their secrets.
func NewAccounts(accounts []Account) Accounts {
	list := make([]account, len(accounts))
	for i, a := range accounts {
		list[i] = account{a.Name, sha256.Sum256([]byte(a.Name)), sha256.Sum256([]byte(a.Secret))}
	}
	return Accounts{list}
}

// Find returns the name of the account with that name and secret. All accounts are compared, so that the time tells
// neither which name exists nor where it stands.
func (a Accounts) Find(name, secret string) (string, bool) {
	nameHash, password := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(secret))
	found := -1
	for i := range a.list {
		same := subtle.ConstantTimeCompare(nameHash[:], a.list[i].nameHash[:]) &
			subtle.ConstantTimeCompare(password[:], a.list[i].password[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return "", false
	}
	return a.list[found].name, true
}
