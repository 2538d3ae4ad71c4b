package tx

import (
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestVia(t *testing.T) { // RFC 3261 §20.42, §18.2.1; RFC 3581 §4
	source := netip.MustParseAddrPort("192.0.2.7:4000")
	six := netip.MustParseAddrPort("[2001:db8::7]:4000")
	tests := []struct {
		in     string
		source netip.AddrPort
		want   string // after noteSource; empty when it cannot be read
	}{
		{"SIP/2.0/UDP 192.0.2.7;branch=x", source, "SIP/2.0/UDP 192.0.2.7;branch=x"},
		{"SIP/2.0/UDP 192.0.2.7:5060;branch=x;rport", source, "SIP/2.0/UDP 192.0.2.7:5060;branch=x;rport=4000;received=192.0.2.7"},
		{"SIP/2.0/UDP 192.0.2.7;RPORT", source, "SIP/2.0/UDP 192.0.2.7;RPORT=4000;received=192.0.2.7"},
		{"SIP/2.0/UDP 10.0.0.1;branch=x", source, "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.7"},
		{"SIP/2.0/UDP 10.0.0.1;received=8.8.8.8;branch=x", source, "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.7"},
		{"SIP/2.0/UDP phone.example.com;branch=x", source, "SIP/2.0/UDP phone.example.com;branch=x;received=192.0.2.7"},
		{"SIP/2.0/UDP [2001:db8::7]:5060;rport;branch=x", six, "SIP/2.0/UDP [2001:db8::7]:5060;rport=4000;branch=x;received=2001:db8::7"},
		{"SIP/2.0/UDP [2001:db8::7]", six, "SIP/2.0/UDP [2001:db8::7]"},
		{"SIP / 2.0 / UDP\t a.example.com : 5061 ; x = \"a b\"", source, "SIP/2.0/UDP a.example.com:5061;x=\"a b\";received=192.0.2.7"},
		{"SIP/2.0/UDP", source, ""},
		{"SIP/2.0 192.0.2.7", source, ""},
		{"SIP/2.0/UDP 192.0.2.7:0", source, ""},
		{"SIP/2.0/UDP 192.0.2.7:65536", source, ""},
		{"SIP/2.0/UDP 192.0.2.7:", source, ""},
		{"SIP/2.0/UDP [2001:db8::7", source, ""},
		{"SIP/2.0/UDP [192.0.2.7]", source, ""},
		{"SIP/2.0/UDP a b", source, ""},
		{"SIP/2.0/UDP a;=x", source, ""},
		{"SIP/2.0/UDP a;x=\"", source, ""},
	}
	for _, tt := range tests {
		got := ""
		var v sip.ViaHeader
		if parseVia(tt.in, &v, nil) {
			noteSource(&v, tt.source)
			got = v.Value()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestAddress(t *testing.T) { // RFC 3261 §20.10, §25.1
	tests := []struct{ in, want string }{ // want as sipgo writes it; empty when it cannot be read
		{`sip:a@example.com`, `<sip:a@example.com>`},
		{`sip:a@example.com;tag=1`, `<sip:a@example.com>;tag=1`},
		{`<sip:a@example.com;lr>;q=0.5;expires=60`, `<sip:a@example.com;lr>;q=0.5;expires=60`},
		{`"A; B <x>, \"C\"" <sip:a@example.com>`, `"A; B <x>, \"C\"" <sip:a@example.com>`},
		{`Alice Liddell <sip:a@example.com>`, `"Alice Liddell" <sip:a@example.com>`},
		{`<sip:a@[2001:db8::1]:5070>;+sip.instance="<urn:uuid:0>"`, `<sip:a@[2001:db8::1]:5070>;+sip.instance="<urn:uuid:0>"`},
		{`<tel:+15551234;phone-context=x>`, `<tel:+15551234;phone-context=x>`},
		{`*`, `*`},
		{`<sip:a@example.com`, ``},
		{`"a <sip:a@example.com>`, ``},
		{`"a" sip:a@example.com`, ``},
		{`sip:a@example.com?x=y`, ``},
		{`<>`, ``},
		{``, ``},
		{`<sip:@example.com>`, ``},
		{`<sip:a@example.com:x>`, ``},
		{`<sip:a@exa mple.com>`, ``},
		{`<sip:a@example.com>;;`, ``},
		{`<sip:a@example.com> tag=1`, ``},
		{`example.com`, ``},
	}
	for _, tt := range tests {
		got := ""
		var c sip.ContactHeader
		var ok bool
		if c.DisplayName, c.Params, ok = parseAddress(tt.in, &c.Address, &room{}); ok {
			got = c.Value()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCutList(t *testing.T) { // RFC 3261 §7.3.1
	in := `"a, \"b" <sip:a@x;p="q,r">;x=",", <sip:b@x,y>,c`
	want := []string{`"a, \"b" <sip:a@x;p="q,r">;x=","`, `<sip:b@x,y>`, `c`}
	for i := 0; in != ""; i++ {
		var one string
		if one, in = cutList(in); i >= len(want) || one != want[i] {
			t.Fatalf("part %d: %q", i, one)
		}
	}
}
