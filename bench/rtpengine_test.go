package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// listenUDP is a socket of loopback.
func listenUDP(t *testing.T) *net.UDPConn {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// fakeNG answers each request that comes with what answer makes of it and of how many came before.
func fakeNG(t *testing.T, answer func(n int, cookie, request string) []string) *ngClient {
	server := listenUDP(t)
	go func() {
		buffer := make([]byte, 1<<16)
		for n := 0; ; n++ {
			size, from, err := server.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return // closed
			}
			cookie, request, _ := strings.Cut(string(buffer[:size]), " ")
			for _, a := range answer(n, cookie, request) {
				server.WriteToUDPAddrPort([]byte(a), from)
			}
		}
	}()
	c, err := dialNG(server.LocalAddr().String())
	must(t, err)
	t.Cleanup(func() { c.conn.Close() })
	c.patience = 50 * time.Millisecond
	return c
}

// A request that is lost is sent again as it was; answers to others are passed over.
func TestNGRepeats(t *testing.T) {
	seen := make(chan string, ngTries)
	c := fakeNG(t, func(n int, cookie, request string) []string {
		if seen <- cookie + " " + request; n == 0 {
			return nil
		}
		return []string{"other d6:result5:errore", cookie + "1 d6:result5:errore", cookie + " d6:result4:ponge"}
	})
	_, err := c.ask(t.Context(), "ping", dict{})
	must(t, err)
	first, second := <-seen, <-seen
	if !strings.HasSuffix(first, "-1 d7:command4:pinge") || second != first {
		t.Errorf("sent %q, then %q", first, second)
	}
}

// Every way not to succeed is an error that names the command, and none waits for long.
func TestNGErrors(t *testing.T) {
	for says, answer := range map[string]string{
		"result error: Unrecognized command": "d6:result5:error12:error-reason20:Unrecognized commande",
		"result <nil>":                       "de",
		"bencode, byte 0 of 4":               "pong",
		"no answer, though asked 6 times":    "",
	} {
		c := fakeNG(t, func(_ int, cookie, _ string) []string {
			if answer == "" {
				return nil
			}
			return []string{cookie + " " + answer}
		})
		_, err := c.ask(t.Context(), "offer", dict{})
		if err == nil || !strings.Contains(err.Error(), "rtpengine, offer: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("expected %q, got %v", says, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := fakeNG(t, func(int, string, string) []string { return nil })
	if _, err := c.ask(ctx, "ping", dict{}); err != context.Canceled {
		t.Errorf("expected %v, got %v", context.Canceled, err)
	}
}

// Only two runs that carried their packets are compared: who loses them has less to do.
func TestCompare(t *testing.T) {
	run := func(received int, cpu time.Duration, faults ...error) *held {
		w := window{to: time.Now(), from: time.Now().Add(-time.Second), switchs: cpu}
		return &held{system: "a switch", calls: 1, stream: streamResult{sent: 2000, received: received}, window: w, faults: faults}
	}
	for _, row := range []struct {
		peer, ours *held
		own, ratio string
		says       string
	}{
		{run(2000, 2*time.Second), run(1998, time.Second), "1", "0.50", ""},
		{run(1997, 2*time.Second), run(2000, time.Second), "", "", "a switch lost 3 of 2000 packets"},
		{run(2000, 2*time.Second), run(100, time.Second), "", "", "a switch lost 1900 of 2000 packets"},
		{run(100, 2*time.Second, context.Canceled), run(2000, time.Second), "", "", ""},
	} {
		own, ratio, err := compare(row.peer, row.ours)
		if own != row.own || ratio != row.ratio || (err != nil) != (row.says != "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("expected %q, %q, %q, got %q, %q, %v", row.own, row.ratio, row.says, own, ratio, err)
		}
	}
}

// needRtpengine skips a test by name where rtpengine is absent; RINGDOWN_REQUIRE_RTPENGINE turns that into a failure.
func needRtpengine(t *testing.T) {
	if _, err := rtpenginePath(); err != nil {
		if os.Getenv("RINGDOWN_REQUIRE_RTPENGINE") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// The real one relays what one end sends to the other, both ways, and knows afterwards which call it has.
func TestRtpengineRelays(t *testing.T) {
	needRtpengine(t)
	ctx := bounded(t)
	sw, err := startRtpengine(ctx, t.TempDir())
	must(t, err)
	t.Cleanup(func() {
		if err := sw.stop(); err != nil {
			t.Error(err)
		}
	})
	end := listenUDP(t) // of both, as the generator has it: the switch's addresses tell them apart
	calls, err := sw.newTalk(ctx, users{}, func() string {
		return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\n",
			end.LocalAddr().(*net.UDPAddr).Port)
	})
	must(t, err)
	t.Cleanup(calls.close)

	for n := range 2 {
		caller, callee, err := calls.add(ctx)
		must(t, err)
		for i, way := range [][2]netip.AddrPort{{caller, callee}, {callee, caller}} {
			packet := append([]byte{2 << 6, 0, 0, 1, 0, 0, 0, 160, byte(n), byte(i), 0, 1}, bytes.Repeat([]byte{0xff}, 160)...)
			_, err := end.WriteToUDPAddrPort(packet, way[0])
			must(t, err)
			must(t, end.SetReadDeadline(time.Now().Add(10*time.Second)))
			got := make([]byte, 1500)
			size, from, err := end.ReadFromUDPAddrPort(got)
			must(t, err)
			if from != way[1] || !bytes.Equal(got[:size], packet) {
				t.Errorf("call %d: sent % x to %v, expected it from %v, got % x from %v", n+1, packet, way[0], way[1], got[:size], from)
			}
		}
	}
	must(t, calls.hangUp(ctx))

	caller, _, err := calls.add(ctx)
	must(t, err)
	_, err = calls.(*relayTalk).ng.ask(ctx, "delete", relayCall(1))
	must(t, err)
	if err := calls.hangUp(ctx); err == nil || !strings.Contains(err.Error(), "call 1 had ended by itself") {
		t.Errorf("a call at %v that had ended was hung up: %v", caller, err)
	}
}
