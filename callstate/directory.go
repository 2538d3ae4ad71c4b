package callstate

import "regexp"

// Directory is who can be called: an immutable snapshot of the configuration, without secrets.
type Directory struct {
	Extensions map[string]Extension // by number
	Trunks     map[string]bool      // the names of all
	Inbound    []InboundRoute       // the first that matches counts
	Outbound   []OutboundRoute      // likewise
}

// Extension is one number of ours, and its rights and wishes.
type Extension struct {
	Number        string
	Name          string
	App           bool     // an API extension: no phone registers there, an application answers
	Outbound      bool     // it may call outside numbers
	ConnectedLine bool     // its phone is shown whom it talks to now, by UPDATE
	Pickup        string   // a group whose members may take over each other's ringing calls; empty: none
	Forward       Forwards // where its calls go on
}

// Forwards are an extension's forwarding settings: numbers, empty for none.
type Forwards struct {
	Always   string
	Busy     string // its phone is busy, or declines
	NoAnswer string // nobody answers in time, or no phone is registered
}

// InboundRoute says where calls from a trunk go.
type InboundRoute struct {
	Trunk   string
	Pattern *regexp.Regexp // of the number that was called
	To      string         // an extension or an outside number; {number} stands for the number that was called
}

// OutboundRoute says by which trunks an outside number is called.
type OutboundRoute struct {
	Pattern *regexp.Regexp
	Trunks  []string // one after the other: the next when one fails
	Strip   int      // digits taken off the front
	Prepend string   // then put there
}

// Knows tells whether number is an extension of ours.
func (d *Directory) Knows(number string) bool {
	_, ok := d.Extensions[number]
	return ok
}

// Party is the extension with its name; an unknown number stands for itself.
func (d *Directory) Party(number string) Party {
	return Party{Number: number, Name: d.Extensions[number].Name}
}
