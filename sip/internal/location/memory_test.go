package location

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const aor = "101"

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// at is a time s seconds into the test.
func at(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }

// binding is a contact of alice from 192.0.2.host:port, registered under the Call-ID "a" until second 3600.
func binding(host, port int, cseq uint32, edit ...func(*Binding)) Binding {
	source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(host)}), uint16(port))
	b := Binding{
		Contact: "sip:alice@" + source.String(), Q: 1, Expires: at(3600), SIPCallID: "a", CSeq: cseq,
		Source: source, Transport: "udp",
	}
	for _, e := range edit {
		e(&b)
	}
	return b
}

func put(b Binding) Change    { return Change{Put, b} }
func remove(b Binding) Change { return Change{Remove, b} }
func removeAll(callID string, cseq uint32) Change {
	return Change{RemoveAll, Binding{SIPCallID: callID, CSeq: cseq}}
}

func callID(id string) func(*Binding)         { return func(b *Binding) { b.SIPCallID = id } }
func until(t time.Time) func(*Binding)        { return func(b *Binding) { b.Expires = t } }
func q(v float64) func(*Binding)              { return func(b *Binding) { b.Q = v } }
func contact(uri string) func(*Binding)       { return func(b *Binding) { b.Contact = uri } }
func instance(i string, r int) func(*Binding) { return func(b *Binding) { b.Instance, b.RegID = i, r } }

// step is one REGISTER: what it changes, the error, and the source ports of the bindings after it, in order.
type step struct {
	at      int
	changes []Change
	err     error
	ports   []uint16
}

func TestUpdate(t *testing.T) {
	phone := instance("<urn:uuid:1>", 0)
	private := contact("sip:alice@10.0.0.1")
	tests := map[string][]step{
		"N2 retransmission gets the same answer": {
			{0, []Change{put(binding(1, 1, 5))}, nil, []uint16{1}},
			{9, []Change{put(binding(1, 1, 5))}, nil, []uint16{1}},
		},
		"N2 older CSeq is refused and the binding kept": {
			{0, []Change{put(binding(1, 1, 5))}, nil, []uint16{1}},
			{1, []Change{remove(binding(1, 1, 4))}, ErrOrder, []uint16{1}},
			{1, []Change{removeAll("a", 4)}, ErrOrder, []uint16{1}},
			{1, []Change{put(binding(1, 2, 4))}, ErrOrder, []uint16{1}},
		},
		"N2 the same CSeq with other content is refused": {
			{0, []Change{put(binding(1, 1, 5))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 2, 5))}, ErrOrder, []uint16{1}},
			{1, []Change{put(binding(1, 1, 5, q(0.5)))}, ErrOrder, []uint16{1}},
			{1, []Change{remove(binding(1, 1, 5))}, ErrOrder, []uint16{1}},
			{1, []Change{removeAll("a", 5)}, ErrOrder, []uint16{1}},
		},
		"N2 another Call-ID counts for itself": {
			{0, []Change{put(binding(1, 1, 5))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 1, 1, callID("b")))}, nil, []uint16{1}},
			{2, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
		},
		"N2 order is forgotten with the binding": {
			{0, []Change{put(binding(1, 1, 5, until(at(60))))}, nil, []uint16{1}},
			{60, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
		},
		"N2 retransmission of add and remove together": {
			{0, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 2, 2)), remove(binding(1, 1, 2))}, nil, []uint16{2}},
			{2, []Change{put(binding(1, 2, 2)), remove(binding(1, 1, 2))}, nil, []uint16{2}},
		},
		"N2 retransmission of one contact named twice": {
			{0, []Change{put(binding(1, 1, 1, q(0.1))), put(binding(1, 1, 1))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 1, 1, q(0.1))), put(binding(1, 1, 1))}, nil, []uint16{1}},
		},
		"N2 retransmission of a removal": {
			{0, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
			{1, []Change{removeAll("a", 2)}, nil, nil},
			{2, []Change{removeAll("a", 2)}, nil, nil},
			{3, []Change{remove(binding(1, 1, 3))}, nil, nil},
		},
		"N3 star ends bindings of every Call-ID": {
			{0, []Change{put(binding(1, 1, 1)), put(binding(1, 2, 1))}, nil, []uint16{1, 2}},
			{1, []Change{put(binding(1, 3, 1, callID("b")))}, nil, []uint16{3, 1, 2}},
			{2, []Change{removeAll("c", 1)}, nil, nil},
		},
		"N4 one refused change refuses all": {
			{0, []Change{put(binding(1, 1, 5)), put(binding(1, 2, 1, callID("b")))}, nil, []uint16{1, 2}},
			{1, []Change{put(binding(1, 3, 2, callID("b"))), remove(binding(1, 1, 4))}, ErrOrder, []uint16{1, 2}},
			{2, []Change{remove(binding(1, 1, 6)), put(binding(1, 3, 6)), put(binding(1, 4, 6)), put(binding(1, 5, 6))},
				ErrTooMany, []uint16{1, 2}},
		},
		"limit counts what is left at the end": {
			{0, []Change{put(binding(1, 1, 1)), put(binding(1, 2, 1)), put(binding(1, 3, 1))}, nil, []uint16{1, 2, 3}},
			{1, []Change{put(binding(1, 4, 2))}, ErrTooMany, []uint16{1, 2, 3}},
			{2, []Change{put(binding(1, 4, 2)), remove(binding(1, 1, 2))}, nil, []uint16{4, 2, 3}},
			{3, []Change{put(binding(1, 2, 3))}, nil, []uint16{2, 4, 3}},
		},
		"limit does not count the expired": {
			{0, []Change{put(binding(1, 1, 1, until(at(60)))), put(binding(1, 2, 1)), put(binding(1, 3, 1))}, nil, []uint16{1, 2, 3}},
			{60, []Change{put(binding(1, 4, 2))}, nil, []uint16{4, 2, 3}},
		},
		"N5 an expiry that has passed removes": {
			{0, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 1, 2, until(at(1))))}, nil, nil},
		},
		"N6 same contact from a new port replaces": {
			{0, []Change{put(binding(1, 1, 1, private))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 2, 2, private))}, nil, []uint16{2}},
			{2, []Change{put(binding(1, 3, 1, private, callID("after restart")))}, nil, []uint16{3}},
		},
		"N6 same instance from a new contact replaces": {
			{0, []Change{put(binding(1, 1, 1, phone))}, nil, []uint16{1}},
			{1, []Change{put(binding(2, 2, 1, phone, callID("b")))}, nil, []uint16{2}},
		},
		"N6 another instance at the same private contact does not": {
			{0, []Change{put(binding(1, 1, 1, private, phone))}, nil, []uint16{1}},
			{1, []Change{put(binding(2, 2, 1, private, instance("<urn:uuid:2>", 0), callID("b")))}, nil, []uint16{2, 1}},
		},
		"N6 another instance at the same contact and source replaces": {
			{0, []Change{put(binding(1, 1, 1, phone))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 1, 1, instance("<urn:uuid:2>", 0), callID("set up anew")))}, nil, []uint16{1}},
			{2, []Change{remove(binding(1, 1, 2, instance("<urn:uuid:2>", 0), callID("set up anew")))}, nil, nil},
		},
		"RFC 5626 6 one instance, two flows": {
			{0, []Change{put(binding(1, 1, 1, instance("<urn:uuid:1>", 1)))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 2, 1, instance("<urn:uuid:1>", 2), callID("b")))}, nil, []uint16{2, 1}},
			{2, []Change{put(binding(1, 3, 2, instance("<urn:uuid:1>", 1)))}, nil, []uint16{3, 2}},
		},
		"instance left out at unregistration": {
			{0, []Change{put(binding(1, 1, 1, phone)), put(binding(1, 2, 1))}, nil, []uint16{1, 2}},
			{1, []Change{remove(binding(1, 1, 2))}, nil, []uint16{2}},
		},
		"instance first sent after an upgrade": {
			{0, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
			{1, []Change{put(binding(1, 1, 1, phone, callID("b")))}, nil, []uint16{1}},
		},
		"asking changes nothing": {
			{0, nil, nil, nil},
			{1, []Change{put(binding(1, 1, 1))}, nil, []uint16{1}},
			{2, nil, nil, []uint16{1}},
		},
		"removal by the operator has no order": {
			{0, []Change{put(binding(1, 1, 9))}, nil, []uint16{1}},
			{1, []Change{{Kind: RemoveAll}}, nil, nil},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			m := NewMemory(3)
			for i, s := range steps {
				got, err := m.Update(aor, s.changes, at(s.at))
				if !errors.Is(err, s.err) || err != nil && got != nil {
					t.Fatalf("step %d: expected error %v, got %v with %v", i, s.err, err, ports(got))
				}
				if err == nil && !slices.Equal(ports(got), s.ports) {
					t.Fatalf("step %d: expected %v, got %v", i, s.ports, ports(got))
				}
				if got := ports(m.Lookup(aor, at(s.at))); !slices.Equal(got, s.ports) {
					t.Fatalf("step %d: expected %v in the store, got %v", i, s.ports, got)
				}
			}
		})
	}
}

func ports(bindings []Binding) []uint16 {
	var out []uint16
	for _, b := range bindings {
		out = append(out, b.Source.Port())
	}
	return out
}

func mustUpdate(t testing.TB, m *Memory, aor string, now time.Time, changes ...Change) []Binding {
	t.Helper()
	got, err := m.Update(aor, changes, now)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRetransmissionKeepsTheExpiry(t *testing.T) {
	m := NewMemory(0)
	mustUpdate(t, m, aor, at(0), put(binding(1, 1, 1, until(at(60)))))
	got := mustUpdate(t, m, aor, at(9), put(binding(1, 1, 1, until(at(69)))))
	if !got[0].Expires.Equal(at(60)) || !got[0].Updated.Equal(at(0)) {
		t.Errorf("expected the first answer, got %+v", got[0])
	}
	got = mustUpdate(t, m, aor, at(10), put(binding(1, 1, 2, until(at(70)))))
	if !got[0].Expires.Equal(at(70)) || !got[0].Updated.Equal(at(10)) {
		t.Errorf("expected a refresh, got %+v", got[0])
	}
}

func TestLookupOrder(t *testing.T) {
	m := NewMemory(0)
	mustUpdate(t, m, aor, at(0), put(binding(1, 1, 1, q(0.5))), put(binding(1, 2, 1, q(1))), put(binding(1, 3, 1, q(0.5))))
	mustUpdate(t, m, aor, at(1), put(binding(1, 4, 2, q(0.5))))
	mustUpdate(t, m, aor, at(2), put(binding(1, 3, 3, q(0.5))))
	if got := ports(m.Lookup(aor, at(3))); !slices.Equal(got, []uint16{2, 3, 4, 1}) {
		t.Errorf("expected 2 3 4 1 (q, then newest), got %v", got)
	}
}

// TestExpiry: N1 is the caller's (a call does not look here once it is up); here a binding is gone at its second, and
// Sweep frees it.
func TestExpiry(t *testing.T) {
	m := NewMemory(0)
	mustUpdate(t, m, aor, at(0), put(binding(1, 1, 1, until(at(60)))), put(binding(1, 2, 1, until(at(90)))))
	mustUpdate(t, m, "102", at(0), put(binding(2, 3, 1, until(at(60)))))
	for _, c := range []struct{ at, lookup, stored int }{{59, 2, 3}, {60, 1, 3}, {90, 0, 3}} {
		if got := len(m.Lookup(aor, at(c.at))); got != c.lookup || m.Count() != c.stored {
			t.Errorf("second %d: expected %d of %d, got %d of %d", c.at, c.lookup, c.stored, got, m.Count())
		}
	}
	if got := m.Snapshot(at(60)); len(got) != 1 || got[0].AOR != aor || !slices.Equal(ports(got[0].Bindings), []uint16{2}) {
		t.Errorf("expected the live one in the snapshot, got %+v", got)
	}
	gone := m.Sweep(at(60))
	slices.SortFunc(gone, func(a, b Entry) int { return strings.Compare(a.AOR, b.AOR) })
	if len(gone) != 2 || gone[0].AOR != aor || gone[1].AOR != "102" || len(gone[0].Bindings) != 1 {
		t.Errorf("expected one of each AOR swept, got %+v", gone)
	}
	if m.Count() != 1 || len(m.Sweep(at(60))) != 0 {
		t.Errorf("expected one left, got %d", m.Count())
	}
	m.Sweep(at(90))
	if m.Count() != 0 || len(m.Snapshot(at(0))) != 0 {
		t.Errorf("expected none left, got %d", m.Count())
	}
}

func TestRemove(t *testing.T) {
	m := NewMemory(0)
	b := mustUpdate(t, m, aor, at(0), put(binding(1, 1, 1)), put(binding(1, 2, 1)))
	if !m.Remove(aor, b[0].Key) || m.Remove(aor, b[0].Key) || m.Remove("102", b[1].Key) {
		t.Error("expected to remove it once")
	}
	if got := ports(m.Lookup(aor, at(0))); !slices.Equal(got, []uint16{2}) || m.Count() != 1 {
		t.Errorf("expected 2 to stay, got %v", got)
	}
}

// TestAnswersAreCopies: what callers do with a result changes nothing in the store.
func TestAnswersAreCopies(t *testing.T) {
	m := NewMemory(0)
	path := []string{"<sip:edge.example.com;lr>"}
	mustUpdate(t, m, aor, at(0), put(binding(1, 1, 1, func(b *Binding) { b.Path = path })))[0].Contact = "x"
	path[0] = "x"
	m.Lookup(aor, at(0))[0].Contact = "x"
	m.Snapshot(at(0))[0].Bindings[0].Contact = "x"
	got := m.Lookup(aor, at(0))[0]
	if got.Contact != "sip:alice@192.0.2.1:1" || got.Path[0] != "<sip:edge.example.com;lr>" {
		t.Errorf("the store was changed from outside: %+v", got)
	}
}

// TestConcurrentUse: updates of one AOR exclude each other, and the count agrees with what is stored.
func TestConcurrentUse(t *testing.T) {
	m := NewMemory(4)
	var wg sync.WaitGroup
	for phone := range 8 {
		wg.Go(func() {
			for n := range 200 {
				own := fmt.Sprint(200 + n%7)
				b := binding(phone+1, 5060, uint32(n+1), callID(fmt.Sprint(phone)))
				for _, aor := range []string{aor, own} {
					got, err := m.Update(aor, []Change{put(b)}, at(n))
					if err != nil && !errors.Is(err, ErrTooMany) {
						t.Error(err)
					}
					if len(got) > 4 || len(m.Lookup(aor, at(n))) > 4 {
						t.Errorf("%s has %d bindings", aor, len(got))
					}
				}
				switch n % 10 {
				case 3:
					m.Remove(own, Key(b.Contact, "", 0))
				case 6:
					m.Sweep(at(n))
				case 9:
					m.Snapshot(at(n))
				}
			}
		})
	}
	wg.Wait()
	stored := 0
	for _, e := range m.Snapshot(at(0)) {
		stored += len(e.Bindings)
	}
	if m.Count() != stored {
		t.Errorf("expected a count of %d, got %d", stored, m.Count())
	}
	m.Sweep(at(3600))
	if m.Count() != 0 {
		t.Errorf("expected nothing left, got %d", m.Count())
	}
}

func filled(b *testing.B, aors int) (*Memory, []string) {
	b.Helper()
	m, names := NewMemory(0), make([]string, aors)
	for i := range names {
		names[i] = fmt.Sprint(100000 + i)
		mustUpdate(b, m, names[i], at(0), put(binding(i%250, 5060, 1)), put(binding(i%250, 5062, 1)))
	}
	return m, names
}

func BenchmarkLookup(b *testing.B) {
	m, names := filled(b, 10000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			m.Lookup(names[i%len(names)], at(1))
		}
	})
}

func BenchmarkRefresh(b *testing.B) {
	m, names := filled(b, 10000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := binding(i%len(names)%250, 5060, uint32(i/len(names)+2))
		if _, err := m.Update(names[i%len(names)], []Change{put(c)}, at(1)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSweepNothing(b *testing.B) {
	m, _ := filled(b, 10000)
	b.ReportAllocs()
	for b.Loop() {
		m.Sweep(at(1))
	}
}
