package ozeki

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// hosts are those that URLs of scripts and commands may name (edge case X18): of the config's own URLs with their port, and
// those that it lists, at any port unless one is given.
type hosts struct {
	any  bool
	list map[string]bool // host or host:port, in lower case
}

func newHosts(c Config) hosts {
	h := hosts{list: map[string]bool{}}
	own := []string{c.Notify.CallChanged, c.Notify.Routing, c.Notify.Error}
	for _, e := range c.Extensions {
		own = append(own, e.URL)
	}
	for _, text := range own {
		if u, err := url.Parse(text); err == nil && text != "" {
			h.list[hostPort(u)] = true
		}
	}
	for _, name := range c.Hosts {
		h.any = h.any || name == "*"
		h.list[strings.ToLower(name)] = true
	}
	return h
}

// resolve is the absolute form of a URL that a script or a command names, relative to where the script came from; false
// when it is none that may be requested.
func (h hosts) resolve(base, text string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return "", false
	}
	if from, err := url.Parse(base); err == nil && base != "" {
		u = from.ResolveReference(u)
	}
	u.Fragment, u.RawFragment = "", ""
	if checkURL(u) != nil {
		return "", false
	}
	if !h.any && !h.list[hostPort(u)] && !h.list[strings.ToLower(u.Hostname())] {
		return "", false
	}
	return u.String(), true
}

// checkURL tells what is wrong with the address of an application; it repeats none of it, for it may hold a secret.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is neither http:// nor https://")
	case u.Hostname() == "":
		return errors.New("names no host")
	}
	return nil
}

// hostPort is the host with its port, also where that is the usual one.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}
