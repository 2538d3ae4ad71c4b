package ozeki

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ringdown/callstate"
)

// Config is what the API needs. Time-outs of reading and writing belong to the caller's http.Server.
type Config struct {
	Users   []User          // who may use the API; with none every command is refused with 305
	Calls   callstate.Calls // the switch
	Log     *slog.Logger    // nil: no log
	Timeout time.Duration   // how long one command may wait for its call; 0: 5 s
}

// User is one account of the API.
type User struct {
	Username string
	Password string
}

// Validate reports all faults of c at once; it repeats no secret.
func (c Config) Validate() error {
	var faults []error
	if c.Calls == nil {
		faults = append(faults, errors.New("ozeki: Calls is missing"))
	}
	if c.Timeout < 0 {
		faults = append(faults, fmt.Errorf("ozeki: Timeout %v is negative", c.Timeout))
	}
	seen := map[string]bool{}
	for i, u := range c.Users {
		switch {
		case u.Username == "":
			faults = append(faults, fmt.Errorf("ozeki: users[%d]: username is empty", i))
		case seen[u.Username]:
			faults = append(faults, fmt.Errorf("ozeki: users[%d]: username %q is there twice", i, u.Username))
		}
		if u.Password == "" {
			faults = append(faults, fmt.Errorf("ozeki: users[%d]: password is empty", i))
		}
		seen[u.Username] = true
	}
	return errors.Join(faults...)
}
