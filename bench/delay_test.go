package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// Every INVITE and every 180 of the window is measured, whoever the switch is; a switch that refuses gives no figure.
func TestDelay(t *testing.T) {
	o := options{rate: 40, seconds: 5, hold: 100 * time.Millisecond, users: users{3000, 150, "a-secret"}, binary: builtSwitch(t), pairs: 1}
	check := func(t *testing.T, l *delayLoad) {
		if err := l.clean(); err != nil {
			t.Fatal(err)
		}
		if l.invites.n != 140 || l.rangs.n != 140 || l.invites.quantile(0.5) <= 0 || l.invites.max < l.invites.quantile(0.5) || l.per1000 <= 0 {
			t.Errorf("%d INVITEs, %d 180s, %v, %v", l.invites.n, l.rangs.n, l.invites.quantile(0.5), l.invites.max)
		}
	}
	t.Run("ringdown", func(t *testing.T) {
		t.Parallel()
		sw, _, done, err := o.openFor(t.Context(), trunkLoad)
		must(t, err)
		l := measureDelay(t.Context(), o, sw)
		l.fault(done())
		check(t, l)
		if sw.events.events < 3*l.n {
			t.Errorf("%d events of %d calls", sw.events.events, l.n)
		}
	})
	t.Run("a peer that records its route", func(t *testing.T) {
		t.Parallel()
		needPrograms(t, "kamailio")
		lines, err := o.trunkLines()
		must(t, err)
		peer, err := startKamailio(t.Context(), t.TempDir(), o.users, lines)
		must(t, err)
		l := measureDelay(t.Context(), o, peer)
		l.fault(peer.stop())
		check(t, l)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		lines, err := o.trunkLines()
		must(t, err)
		lines[0].in = "^8[0-9]{5}$"
		sw, _, done, err := o.open(t.Context(), lines)
		must(t, err)
		l := measureDelay(t.Context(), o, sw)
		l.fault(done())
		if err := o.reportDelay(l); err == nil || !strings.Contains(err.Error(), "NOT CLEAN") {
			t.Errorf("%v", err)
		}
	})
}

// What the pair writes it reads again: the dialog goes by To, Contact and the Record-Routes in reverse (RFC 3261 12.1.2).
func TestDialogText(t *testing.T) {
	d := dialog{uri: "sip:700001@h", via: "127.0.0.1:1", from: "<sip:a@h>;tag=1", to: "<sip:700001@h>", callID: "x", contact: "sip:a@h:1"}
	m, err := phone.ParseMessage(d.request("INVITE", "1", "b", offer))
	must(t, err)
	if m.Method != "INVITE" || calledBy(m) != "700001" || string(m.Body) != offer {
		t.Errorf("%+v", m)
	}
	m.Add("Record-Route", "<sip:p2;lr>, <sip:p1;lr>")
	a, err := phone.ParseMessage(answerTo(m, 200, "OK", "2", "sip:700001@callee", offer))
	must(t, err)
	d.answered(a)
	if _, method := a.CSeq(); a.Status != 200 || method != "INVITE" || d.to != "<sip:700001@h>;tag=2" || d.uri != "sip:700001@callee" || !slices.Equal(d.route, []string{"<sip:p1;lr>", "<sip:p2;lr>"}) {
		t.Errorf("%+v\n%+v", a, d)
	}
}
