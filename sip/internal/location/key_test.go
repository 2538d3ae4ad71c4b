package location

import (
	"strings"
	"testing"
)

// TestKeyURI: rows of RFC 3261 §19.1.4, those that the key is meant to tell apart.
func TestKeyURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"sip:%61lice@example.com;transport=TCP", "sip:alice@ExAmPlE.CoM;Transport=tcp", true},
		{"sip:carol@example.com", "sip:carol@example.com;newparam=5", true},
		{"sip:carol@example.com;security=on", "sip:carol@example.com;newparam=5", true},
		{"sip:alice@example.com?subject=x", "sip:alice@example.com", true},
		{"SIP:alice@example.com", "sip:alice@example.com", true},
		{"sip:alice@[2001:DB8:0::1]:5060", "sip:alice@[2001:db8::1]:5060;ob", true},
		{"sip:alice@[2001:DB8:0::1]", "sip:alice@[2001:db8::1]", true},
		{"sip:1;phone-context=a@192.0.2.1", "sip:1;phone-context=a@192.0.2.1;lr", true},
		{"tel:+15550100", "tel:+15550100", true},
		{"SIP:ALICE@example.com", "SIP:alice@example.com", false},
		{"sip:bob@example.com", "sip:bob@example.com:5060", false},
		{"sip:bob@example.com", "sip:bob@example.com;transport=udp", false},
		{"sip:bob@example.com", "sips:bob@example.com", false},
		{"sip:bob:pw@example.com", "sip:bob@example.com", false},
		{"sip:bob@192.0.2.1:5060", "sip:bob@192.0.2.1:6000", false},
		{"sip:192.0.2.1", "sip:bob@192.0.2.1", false},
		{"sip:1;a@192.0.2.1", "sip:1;b@192.0.2.1", false},
		{"tel:+15550100", "tel:+15550101", false},
	} {
		if got := Key(c.a, "", 0) == Key(c.b, "", 0); got != c.same {
			t.Errorf("%q and %q: expected same=%v, keys %q and %q", c.a, c.b, c.same, Key(c.a, "", 0), Key(c.b, "", 0))
		}
	}
}

// TestKeyInstance: RFC 5626 §6, the flow is instance and reg-id, whatever the contact.
func TestKeyInstance(t *testing.T) {
	const urn = "<urn:uuid:00000000-0000-1000-8000-00000000000A>"
	here, there := "sip:alice@192.0.2.1", "sip:alice@192.0.2.9:6000"
	if Key(here, urn, 1) != Key(there, strings.ToLower(urn), 1) {
		t.Error("expected the same key from another address")
	}
	if Key(here, urn, 1) == Key(here, urn, 2) {
		t.Error("expected another key for another reg-id")
	}
	if Key(here, urn, 0) == Key(here, "", 0) {
		t.Error("expected another key without an instance")
	}
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{
		"sip:alice@192.0.2.1:5060;transport=tcp", "sips:a:b@[2001:db8::1]:5061;lr?x=y", "tel:1", "sip:", "sip:@:;?", "",
		"sip:%zz@[", "sip:a@b;=;transport",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		key := Key(uri, "", 0)
		if key == "" || Key(uri, "", 0) != key {
			t.Fatalf("%q: key %q", uri, key)
		}
		if strings.HasPrefix(key, "instance:") {
			t.Fatalf("%q passes for an instance: %q", uri, key)
		}
	})
}
