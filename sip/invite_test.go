package sip

import (
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestHops(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header [][2]string
		want   int
	}{
		{"none", nil, 0},
		{"two lines", [][2]string{{"Diversion", "<sip:1@example.com>"}, {"Diversion", "<sip:2@example.com>"}}, 2},
		{"two in one line", [][2]string{{"Diversion", `"a, b" <sip:1,2@example.com>;reason=unknown, <sip:2@example.com>`}}, 2},
		{"history counts what was dialled first as no hop", [][2]string{{"History-Info", "<sip:1@example.com>;index=1, <sip:2@example.com>;index=1.1"}}, 1},
		{"the longer of the two", [][2]string{{"Diversion", "<sip:1@example.com>"}, {"History-Info", "<sip:1@example.com>;index=1"}}, 1},
	} {
		req := sip.NewRequest(sip.INVITE, sip.Uri{})
		for _, h := range tt.header {
			req.AppendHeader(sip.NewHeader(h[0], h[1]))
		}
		if got := hops(req); got != tt.want {
			t.Errorf("%s: %d hops, expected %d", tt.name, got, tt.want)
		}
	}
}
