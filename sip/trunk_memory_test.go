package sip

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"ringdown/callstate"
)

// TestHeldCallKeepsNoDatagram: of a large INVITE a call that goes on keeps its own few texts, not the datagram that they
// were read from.
func TestHeldCallKeepsNoDatagram(t *testing.T) {
	withTrunks(t, func(o *office) {
		pc, err := o.net.ListenPacket(providerAt)
		if err != nil {
			t.Fatal(err)
		}
		defer pc.Close()
		buf := make([]byte, 1<<16)
		receive := func(want string) string {
			for {
				pc.SetReadDeadline(time.Now().Add(time.Second))
				n, _, err := pc.ReadFromUDPAddrPort(buf)
				if err != nil {
					t.Fatal(err)
				}
				if text := string(buf[:n]); strings.HasPrefix(text, want) {
					return text
				}
			}
		}
		send := func(text string) {
			if _, err := pc.WriteToUDPAddrPort([]byte(text), netip.MustParseAddrPort(switchAt)); err != nil {
				t.Fatal(err)
			}
		}
		heap := func() uint64 {
			time.Sleep(40 * time.Second) // transactions wait for copies
			o.settle()
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		fill := "X-Fill: " + strings.Repeat("x", 40_000) + "\r\n"
		head := func(method string, i int, to string) string {
			return fmt.Sprintf("%s sip:2000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bK%[1]s%[2]d\r\nMax-Forwards: 70\r\n"+
				"From: \"Bob\" <sip:0305551234@203.0.113.5>;tag=from%[2]d\r\nTo: <sip:2000@192.0.2.1>%s\r\nCall-ID: call%[2]d@example.com\r\n"+
				"Contact: <sip:bob@203.0.113.5;transport=udp>\r\nRecord-Route: <sip:203.0.113.5;lr>\r\nAllow: INVITE, UPDATE\r\n"+
				"P-Asserted-Identity: \"Bob\" <sip:0305551234@203.0.113.5>\r\nSupported: replaces\r\nCSeq: 1 %[1]s\r\n", method, i, to)
		}
		var legs []callstate.LegID
		call := func(i int) {
			send(head("INVITE", i, "") + fill + fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdpOffer), sdpOffer))
			offer := o.offered()
			legs = append(legs, offer.Leg)
			o.agent.Do(callstate.Ring{Leg: offer.Leg, Status: 180})
			o.agent.Do(callstate.Answer{Leg: offer.Leg, SDP: []byte(sdpOffer)})
			_, tag, _ := strings.Cut(receive("SIP/2.0 200"), "\r\nTo: <sip:2000@192.0.2.1>")
			tag, _, _ = strings.Cut(tag, "\r\n")
			send(head("ACK", i, tag) + "Content-Length: 0\r\n\r\n")
			o.expect(offer.Leg, "LegOffered, LegConfirmed")
		}
		call(0)
		before := heap()
		const n = 100
		for i := range n {
			call(i + 1)
		}
		if kept := (int64(heap()) - int64(before)) / n; kept > 10_000 {
			t.Errorf("a held call keeps %d bytes", kept)
		}
		for _, leg := range legs {
			o.agent.Do(callstate.HangUp{Leg: leg})
		}
	}, Trunk{Name: "provider", Address: providerAt})
}
