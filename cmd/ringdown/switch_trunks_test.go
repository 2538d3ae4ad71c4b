package main

import (
	"testing"
	"time"

	"ringdown/sip"
)

// A trunk that is asked by OPTIONS and never answered one is shown as not monitored (Yeastar's status 3), unless it registers:
// that tells whether it is there.
func TestTrunkShownAsMonitored(t *testing.T) {
	for _, tt := range []struct {
		trunk   Trunk
		unheard bool
		want    bool
	}{
		{Trunk{Qualify: time.Minute}, false, true},
		{Trunk{Qualify: time.Minute}, true, false},
		{Trunk{}, false, false},
		{Trunk{Qualify: time.Minute, Register: true}, true, true},
		{Trunk{Register: true}, false, true},
	} {
		tt.trunk.Name = "provider"
		b := &trunkBoard{cfg: []Trunk{tt.trunk}}
		if got := b.show(sip.TrunkState{Name: "provider", Status: sip.TrunkUp, Unheard: tt.unheard}).Monitored; got != tt.want {
			t.Errorf("%+v, unheard %t: monitored %t", tt.trunk, tt.unheard, got)
		}
	}
}
