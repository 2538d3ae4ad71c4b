package main

import (
	"errors"
	"fmt"
	"syscall"
)

// listenFault says what to do about a listener that cannot be opened; what is the config's key and value.
func listenFault(what string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = "another program has this port (ss -lntup shows which); name another in a config, " +
			"\"ringdown init FILE\" writes one"
	case errors.Is(err, syscall.EACCES):
		advice = "a port below 1024 needs root or CAP_NET_BIND_SERVICE; name a higher one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = "this host has no such address (ip addr shows those that it has)"
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
	return &listenError{what: what, advice: advice, err: err}
}

// listenError shows the reason once, without the address that what names already.
type listenError struct {
	what, advice string
	err          error
}

func (e *listenError) Error() string {
	var reason syscall.Errno
	errors.As(e.err, &reason)
	return fmt.Sprintf("%s: %s: %s", e.what, reason, e.advice)
}

func (e *listenError) Unwrap() error { return e.err }
