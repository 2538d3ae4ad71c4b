package location

import (
	"net/netip"
	"time"
)

// Binding is one contact of an AOR.
type Binding struct {
	// Contact is the URI as it was registered, without name-addr brackets and header parameters.
	Contact string
	// Key is what tells bindings of one AOR apart; see [Key]. Update computes it.
	Key string
	// Q is the preference of the contact, 0 to 1. A contact without one should get 1.
	Q float64
	// Expires is when the binding ends.
	Expires time.Time
	// Updated is when the REGISTER that made it what it is was applied; Update sets it.
	Updated time.Time

	// SIPCallID and CSeq are those of that REGISTER. Bindings made by other means leave SIPCallID empty.
	SIPCallID string
	CSeq      uint32

	// Source and Transport say where the REGISTER really came from: behind NAT the way back to the phone, whatever
	// its Contact says (RFC 3581 §4, RFC 5626 §5.3).
	Source    netip.AddrPort
	Transport string
	// Local is the address of ours that it was sent to; what we send to the phone leaves from there.
	Local netip.AddrPort
	// Path holds the values of the Path header, topmost first (RFC 3327). Shared between copies: read only.
	Path []string

	UserAgent string
	// Instance is the value of +sip.instance and RegID that of reg-id (RFC 5626 §4); empty and 0 when absent.
	Instance string
	RegID    int
}

func (b *Binding) expired(now time.Time) bool { return !now.Before(b.Expires) }

// Entry is the bindings of one AOR.
type Entry struct {
	AOR      string
	Bindings []Binding
}

// Kind says what a Change does.
type Kind int

const (
	// Put adds a binding, or refreshes the one with the same key. One that has already expired removes.
	Put Kind = iota
	// Remove ends the binding with the same key; it is no fault if there is none.
	Remove
	// RemoveAll ends every binding of the AOR: Contact "*".
	RemoveAll
)

// Change is one step of an Update.
type Change struct {
	Kind Kind
	// Binding is, for Put, the whole binding. Remove needs Key, or Contact, Instance and RegID to make it from;
	// Remove and RemoveAll from a REGISTER carry its SIPCallID and CSeq.
	Binding
}
