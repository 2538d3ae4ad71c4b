package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// A listener that cannot be opened is told with its key, the reason once, and what to do.
func TestListenFaults(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer web.Close()
	for name, row := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"SIP port in use": {func(c *Config) {
			c.SIP.Listen = []Listener{{"udp", netip.MustParseAddrPort(taken.LocalAddr().String())}}
		}, []string{"sip.listen udp://" + taken.LocalAddr().String() + ": address already in use: ", "ss -lntup", "ringdown init"}},
		"HTTP port in use": {func(c *Config) { c.Ozeki.Listen = netip.MustParseAddrPort(web.Addr().String()) },
			[]string{"ozeki.listen " + web.Addr().String() + ": address already in use: ", "ss -lntup"}},
		"address of another host": {func(c *Config) {
			c.SIP.Listen = []Listener{{"udp", netip.MustParseAddrPort("192.0.2.7:5060")}}
		}, []string{"sip.listen udp://192.0.2.7:5060: cannot assign requested address: ", "ip addr"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.anyPorts()
			row.change(cfg)
			err := runSwitch(context.Background(), cfg, ServeOptions{Log: slog.New(slog.DiscardHandler)}, nil, nil)
			if err == nil {
				t.Fatal("it started")
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}
