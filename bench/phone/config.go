package phone

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Config is everything a phone is told. Number is required; what else is zero gets the default named here.
type Config struct {
	Number   string // user part of its AOR
	User     string // user name of its credentials; default Number
	Password string
	Display  string
	Domain   string // host part of its AOR and of the URIs it calls; default the host of Server, or of Local

	Server    string // "host:port" where requests go; without it a number cannot be called, and a URI is asked where it points to
	Transport string // "udp" (default) or "tcp", which needs real sockets
	Local     string // where it listens; default "127.0.0.1:0"
	MediaIP   string // where its RTP sockets listen; default the host of Local
	Contact   string // a Contact URI to claim instead of the real one, as behind a NAT
	Net       Net    // default UDP

	// FollowContact sends requests inside a dialog to the first Route, or else the peer's Contact, instead of to
	// Server (for a called phone: to where the INVITE came from).
	FollowContact bool
	// FollowRefer obeys an incoming REFER by calling its target, and reports in NOTIFYs; otherwise it is refused (603).
	FollowRefer bool
	// FollowReplaces obeys the Replaces header of an incoming INVITE (RFC 3891 §3): the new call is answered in the place
	// of the one that it names, and WaitCall returns it; otherwise it is a call like any other.
	FollowReplaces bool
	// ReuseNonce authorises requests at once with the last nonce, as phones do, instead of waiting for a challenge.
	ReuseNonce bool

	Allow     []string // methods it claims and obeys, others get 405; default all that it knows
	Supported []string // option tags it claims; default replaces

	Codecs   []string // as ParseCodec reads them, in order of preference; default PCMU, PCMA
	NoEvents bool     // no telephone-event
	EventPT  int      // its payload number in offers; default 101
	Deaf     bool     // received audio is counted but not analysed: for load

	// AutoAnswer rings and answers every call after AnswerAfter. OnInvite, when set, gets it instead, on a goroutine
	// of its own. With neither, calls wait for WaitCall.
	AutoAnswer  bool
	AnswerAfter time.Duration
	OnInvite    func(*Call)
	// OnRequest sees every new request (no retransmission, no ACK) before the phone does. When it returns true the phone
	// leaves the request alone: use Respond to answer it, or do not. It runs on the reader's goroutine: it must not wait.
	OnRequest func(m *Message) (handled bool)

	T1         time.Duration // RFC 3261 §17.1.1.1; default 500 ms
	Patience   time.Duration // the longest that any Wait lasts, whatever its context; default 60 s
	Transcript int           // messages remembered; default 1000, the oldest go first
	Seed       uint64        // of tags, branches and back-off times; 0 takes one at random
}

const t2 = 4 * time.Second // RFC 3261 §17.1.2.1

// complete fills in defaults and reports all faults at once.
func (c *Config) complete() (server netip.AddrPort, codecs []Codec, err error) {
	var faults []error
	text := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	text(&c.User, c.Number)
	text(&c.Transport, "udp")
	text(&c.Local, "127.0.0.1:0")
	if c.Number == "" {
		faults = append(faults, errors.New("Number is missing"))
	}
	if c.Transport != "udp" && c.Transport != "tcp" {
		faults = append(faults, fmt.Errorf("Transport %q is neither udp nor tcp", c.Transport))
	}
	if c.Server != "" {
		if server, err = resolve(c.Server); err != nil {
			faults = append(faults, fmt.Errorf("Server: %w", err))
		}
	}
	host, _, err := net.SplitHostPort(c.Local)
	if err != nil {
		faults = append(faults, fmt.Errorf("Local: %w", err))
	}
	text(&c.MediaIP, host)
	if h, _, err := net.SplitHostPort(c.Server); err == nil {
		host = h
	}
	text(&c.Domain, host)
	if c.Codecs == nil {
		c.Codecs = []string{"PCMU", "PCMA"}
	}
	for _, s := range c.Codecs {
		codec, err := ParseCodec(s)
		if err != nil {
			faults = append(faults, err)
		}
		codecs = append(codecs, codec)
	}
	c.numbers()
	if len(faults) > 0 {
		return server, nil, fmt.Errorf("phone: %w", errors.Join(faults...))
	}
	return server, codecs, nil
}

func (c *Config) numbers() {
	if c.Net == nil {
		c.Net = UDP
	}
	if c.EventPT == 0 {
		c.EventPT = 101
	}
	if c.NoEvents {
		c.EventPT = -1
	}
	if c.T1 <= 0 {
		c.T1 = 500 * time.Millisecond
	}
	if c.Patience <= 0 {
		c.Patience = time.Minute
	}
	if c.Transcript <= 0 {
		c.Transcript = 1000
	}
}

// resolve reads a literal address without asking anybody; only a name needs the resolver.
func resolve(hostport string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(hostport); err == nil {
		return unmap(a), nil
	}
	a, err := net.ResolveUDPAddr("udp", hostport)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return unmap(a.AddrPort()), nil
}
