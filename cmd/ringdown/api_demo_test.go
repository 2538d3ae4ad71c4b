package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// The demo as a new user runs it: exit code 0, each step observed, the ladder of the call drawn, no secret told.
func TestDemo(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"demo"}, &stdout, &stderr); code != exitFine {
		t.Fatalf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	out := stdout.String()
	for _, want := range []string{
		"ready: sip udp://127.0.0.1:", "http://127.0.0.1:",
		"✓  three phones register", "✓  alice calls bob", "✓  ForwardCall to 2002", "✓  carol answers", "✓  SendDTMF to the callee",
		"✓  Hold", "✓  Unhold", "✓  BlindTransfer by the callee", "✓  bob answers", "✓  ListActiveCalls", "✓  Hangup",
		"✓  alice calls bob once more", "✓  attended, bob to 2002", "✓  swap", "✓  abort", "✓  attended and threeway",
		"✓  bob hangs up", "✓  attended, carol to 2001, and complete", "✓  call/hangup",
		"✓  bob's transfer key", "✓  the CallTransfer report of it arrives", "✓  carol dials *03 and 2001",
		"✓  12345678 calls 2001 from outside", "✓  bob hangs up: 12345678 and carol", `POST / {"event":"Tranfer","callid":"`,
		`{"inbound":{"from":"12345678","to":"2001","trunkname":"siptrunk","channelid":"PJSIP/trunk-siptrunk-endpoint-`,
		"REFER", "202 Accepted (REFER)", "NOTIFY: 200 OK",
		"2000 -> 2002", "heard: 1300 Hz and 700 Hz", "heard: 1000 Hz and 700 Hz",
		"INVITE sdp", "181 Call Is Being Forwarded", "CANCEL", "487 Request Terminated", "sdp sendonly", "BYE",
		"steps were observed by the phones",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the account lacks %q\n%s", want, out)
		}
	}
	if strings.Contains(out, "✗") {
		t.Errorf("a step failed\n%s", out)
	}
	for _, secret := range []string{string(demoPassword), string(demoHTTPPassword), string(demoClientSecret)} {
		if strings.Contains(out+stderr.String(), secret) {
			t.Errorf("the account tells %q", secret)
		}
	}
}

// The demo proves something: a switch that is broken in one place fails it at that step.
func TestDemoFailsWithABrokenSwitch(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		broken func(*Config)
		step   string
	}{
		"another API password": {func(c *Config) { c.Ozeki.Users[0].Password = "other" }, "✗  alice calls bob"},
		"another application secret": {func(c *Config) { c.Yeastar.Applications[0].ClientSecret = "another-secret-0" },
			"✗  alice calls bob once more"},
		"another phone password": {func(c *Config) {
			for i := range c.Extensions {
				c.Extensions[i].Password = "other"
			}
		}, "✗  three phones register"},
		"no forwards":      {func(c *Config) { c.Calls.Hops = 0 }, "✗  ForwardCall to 2002"},
		"no third number":  {func(c *Config) { c.Extensions = c.Extensions[:2] }, "✗  three phones register"},
		"ports for no one": {func(c *Config) { c.Media.PortMin, c.Media.PortMax = 20000, 20001 }, "✗  alice calls bob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := DefaultConfig()
			cfg.anyPorts()
			row.broken(cfg)
			var stdout bytes.Buffer
			err := runDemo(t.Context(), cfg, ServeOptions{Log: slog.New(slog.DiscardHandler)}, &stdout, &stdout)
			if err == nil || !strings.Contains(stdout.String(), row.step) {
				t.Errorf("error %v, expected %q to fail\n%s", err, row.step, &stdout)
			}
		})
	}
}
