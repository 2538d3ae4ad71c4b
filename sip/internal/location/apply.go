package location

import (
	"errors"
	"slices"
	"time"
)

// errRepeated means that the changes are those of a REGISTER already applied.
var errRepeated = errors.New("location: REGISTER repeated")

// apply is the pure part of an update: the live bindings and the changes give the next bindings, or an error and
// nothing (RFC 3261 §10.3 step 7: all or none).
func apply(current []Binding, changes []Change, now time.Time, max int) ([]Binding, error) {
	changes = slices.Clone(changes)
	for i := range changes {
		c := &changes[i]
		if c.Key == "" {
			c.Key = Key(c.Contact, c.Instance, c.RegID)
		}
		if c.Kind == Put && c.expired(now) {
			c.Kind = Remove
		}
	}
	if err := order(current, changes); err != nil {
		return nil, err
	}
	next := slices.Clone(current)
	for _, c := range changes {
		i := find(next, c.Binding)
		switch {
		case c.Kind == RemoveAll:
			next = next[:0]
		case c.Kind == Remove && i >= 0:
			next = slices.Delete(next, i, i+1)
		case c.Kind == Remove:
		default:
			c.Updated = now
			c.Path = slices.Clone(c.Path)
			if i >= 0 {
				// RFC 5626 §6, RFC 3581 §4: the new source replaces the old one, so NAT rebinding heals itself.
				next[i] = c.Binding
			} else {
				next = append(next, c.Binding)
			}
		}
	}
	// An AOR over its limit may still refresh and remove; it only may not grow.
	if len(next) > max && len(next) > len(current) {
		return nil, ErrTooMany
	}
	return next, nil
}

// order refuses a REGISTER that others of its Call-ID have overtaken. RFC 3261 §10.3 step 7 compares with the binding
// of the same contact; here the whole AOR is compared, because a phone counts CSeq per Call-ID whatever the contact.
func order(current []Binding, changes []Change) error {
	repeated := false
	for _, c := range changes {
		for _, b := range current {
			if c.SIPCallID == "" || b.SIPCallID != c.SIPCallID || b.CSeq < c.CSeq {
				continue
			}
			if b.CSeq > c.CSeq {
				return ErrOrder
			}
			repeated = true
		}
	}
	if !repeated {
		return nil
	}
	// The same CSeq is a retransmission if everything is already as it asks. Otherwise the phone does not count.
	for n, c := range changes {
		if slices.ContainsFunc(changes[n+1:], func(later Change) bool { return later.Key == c.Key }) {
			continue // the later one decided
		}
		i := find(current, c.Binding)
		if c.Kind == RemoveAll || (c.Kind == Remove) != (i < 0) {
			return ErrOrder
		}
		if i >= 0 && (current[i].CSeq != c.CSeq || current[i].SIPCallID != c.SIPCallID ||
			current[i].Contact != c.Contact || current[i].Q != c.Q) {
			return ErrOrder
		}
	}
	return errRepeated
}

// find returns the index of the binding that b replaces or removes, or -1: the one with its key. The URI decides if only
// one of the two has an instance (some phones leave the instance out when they unregister, and some send one only after
// an upgrade), and if both came from the same address: a phone that was set up anew has another instance, and what is
// sent to either contact would reach the same socket.
func find(bindings []Binding, b Binding) int {
	if i := slices.IndexFunc(bindings, func(o Binding) bool { return o.Key == b.Key }); i >= 0 {
		return i
	}
	if b.Contact == "" {
		return -1
	}
	key := uriKey(b.Contact)
	return slices.IndexFunc(bindings, func(o Binding) bool {
		return ((o.Instance == "") != (b.Instance == "") || o.sameWay(&b)) && uriKey(o.Contact) == key
	})
}

// sameWay tells whether two bindings of different instances lie on one way, on which they cannot be told apart.
func (b *Binding) sameWay(o *Binding) bool {
	return b.Instance != o.Instance && b.Source.IsValid() && b.Source == o.Source && b.Transport == o.Transport &&
		slices.Equal(b.Path, o.Path)
}
