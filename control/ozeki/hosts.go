package ozeki

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"ringdown/control/delivery"
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

// resolve is the absolute form of a URL that a script or a command names, relative to where the script came from. What
// cannot stand in a URL, as a blank in the value of a variable, is escaped; what means something there is left. Its error
// tells why it is none that may be requested and, as that of delivery.CheckURL, repeats none of it.
func (h hosts) resolve(base, text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return "", errors.New("is no URL")
	}
	if from, err := url.Parse(base); err == nil && base != "" {
		u = from.ResolveReference(u)
	}
	u.Fragment, u.RawFragment, u.RawQuery = "", "", escaped(u.RawQuery)
	if err := delivery.CheckURL(u.String()); err != nil {
		return "", err
	}
	if !h.any && !h.list[hostPort(u)] && !h.list[strings.ToLower(u.Hostname())] {
		return "", errors.New("its host is not in ozeki.hosts")
	}
	return u.String(), nil
}

// escaped is a query with the bytes escaped that no URL holds (RFC 3986 §2); url.URL leaves a query as it is.
func escaped(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hostPort is the host with its port, also where that is the usual one.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}
