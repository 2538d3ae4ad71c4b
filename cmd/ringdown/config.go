package main

import (
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Config is what the YAML file says, with its defaults filled in and its ranges expanded. Port 0 in a listener asks
// for any free port.
type Config struct {
	SIP         SIP
	Media       Media
	Calls       Calls
	Extensions  []Extension
	RingTimeout time.Duration // how long one number rings; never 0
	Transfer    Transfer
	Features    Features
	Trunks      []Trunk
	Routes      Routes
	Reports     []Report
	Ozeki       Ozeki
	Yeastar     Yeastar
	History     History

	APIExtensions []APIExtension
}

// SIP says where phones find the switch and how they prove themselves.
type SIP struct {
	Domain    string     // realm and AOR domain, in lower case
	Digest    []string   // "md5", "sha-256": the challenges, in the order they are offered
	Listen    []Listener // at least one
	Advertise netip.Addr // written into Via, Contact and SDP; zero: the listener's own address
}

// Listener is one SIP socket.
type Listener struct {
	Network string // "udp" or "tcp"
	Addr    netip.AddrPort
}

// String writes the listener as the config does.
func (l Listener) String() string { return l.Network + "://" + l.Addr.String() }

// Media says where RTP flows.
type Media struct {
	Listen           netip.Addr // zero: the address of the leg's SIP listener
	PortMin, PortMax uint16     // both inclusive; PortMin is even
	Music            string     // a WAV file for music on hold; empty: the built-in loop
	Folder           string     // where files to play are, and recordings go; empty: neither
}

// Calls are the limits of every call.
type Calls struct {
	Max     time.Duration // 0: no limit
	Silence time.Duration // ends a call whose phone sends nothing, unless an application plays a clip to it; 0: never
	Hops    int           // how often a call may be sent on
}

// Extension is one phone that may register.
type Extension struct {
	Number   string
	Password Secret
	Name     string // shown to the other party; the number when the config gives none

	Outbound      bool   // it may call outside numbers
	ConnectedLine bool   // its phone is shown whom it talks to after a transfer
	Pickup        string // a group whose members may take over each other's ringing calls
	Forward       Forward

	Key string // the entry that it stands in, for faults
}

// Forward is where an extension's calls go on; numbers, empty for none.
type Forward struct{ Always, Busy, NoAnswer string }

// Transfer says what happens when the target of a transfer does not answer.
type Transfer struct {
	NoAnswer time.Duration // 0: the target rings as long as it likes
	OnFail   string        // "recall" or "release"
	Retries  int
	Delay    time.Duration
}

// Ozeki is the HTTP API in Ozeki's dialect. It is off when Listen is zero.
type Ozeki struct {
	Listen netip.AddrPort
	Users  []User
	Notify Notify
	Speak  []string // a command that turns {text} into WAV on its output; empty: nothing is spoken
	Hosts  []string // that scripts may name in URLs, beside those of this config; "*": any
	Public string   // how applications reach the API, for links to recordings; empty: at Listen
}

// User may use the HTTP API.
type User struct {
	Username string
	Password Secret
}

// Secret is a password. It prints as *** everywhere; string(s) is the only way to its text.
type Secret string

const masked = "***"

// String hides the secret from fmt.
func (Secret) String() string { return masked }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return masked }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText hides the secret from every encoder.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// The demo's secrets are documented, so that its examples can be copied. Everybody knows them: a config that holds
// one of them may listen on loopback only.
const (
	demoPassword     Secret = "ringdown-demo"
	demoHTTPUser            = "HTTP_User_1"
	demoHTTPPassword Secret = "qwe123"
	demoClientID            = "app"
	demoClientSecret Secret = "demo-app-secret"
)

// fileDefaults are the values of the keys that a config may leave out.
func fileDefaults() *Config {
	return &Config{
		SIP:         SIP{Digest: []string{"md5", "sha-256"}},
		Media:       Media{PortMin: 20000, PortMax: 29999, Folder: "media-files"},
		Ozeki:       Ozeki{Notify: Notify{Timeout: 5 * time.Second}, Speak: slices.Clone(defaultSpeak)},
		History:     History{Keep: 90 * 24 * time.Hour},
		Calls:       Calls{Max: 12 * time.Hour, Silence: time.Minute, Hops: 5},
		RingTimeout: 30 * time.Second,
		Transfer:    Transfer{NoAnswer: 15 * time.Second, OnFail: "recall", Retries: 2, Delay: 10 * time.Second},
		Features:    Features{Blind: "*03", Attended: "*3", CodeTimeout: time.Second, DigitTimeout: 3 * time.Second},
		Yeastar: Yeastar{SN: "ringdown", Tokens: Tokens{Access: 30 * time.Minute, Refresh: 24 * time.Hour},
			Block: Block{Failures: 5, Time: 10 * time.Minute}},
	}
}

// DefaultConfig is what the switch runs with when no file is named: the demo, on loopback. The caller owns it.
func DefaultConfig() *Config {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	c := fileDefaults()
	c.SIP.Domain = "example.com"
	for _, network := range []string{"udp", "tcp"} {
		c.SIP.Listen = append(c.SIP.Listen, Listener{Network: network, Addr: netip.AddrPortFrom(loopback, 5060)})
	}
	for n := 2000; n <= 2019; n++ {
		number := strconv.Itoa(n)
		c.Extensions = append(c.Extensions, Extension{Number: number, Password: demoPassword, Name: number})
	}
	c.Ozeki.Listen = netip.AddrPortFrom(loopback, 9509)
	c.Ozeki.Users = []User{{Username: demoHTTPUser, Password: demoHTTPPassword}}
	c.Yeastar.Listen = netip.AddrPortFrom(loopback, 8088)
	c.Yeastar.Applications = []Application{{ClientID: demoClientID, ClientSecret: demoClientSecret}}
	return c
}

// anyPorts makes every listener ask for a free port.
func (c *Config) anyPorts() {
	for i, l := range c.SIP.Listen {
		c.SIP.Listen[i].Addr = netip.AddrPortFrom(l.Addr.Addr(), 0)
	}
	c.Ozeki.Listen = netip.AddrPortFrom(c.Ozeki.Listen.Addr(), 0)
	c.Yeastar.Listen = netip.AddrPortFrom(c.Yeastar.Listen.Addr(), 0)
}
