package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A phone joins its two calls by REFER with Replaces: who is handed over keeps the channel id, by which it is steered in
// the call that survives, and the event names who talked (spec yeastar-p 1, 6.8).
func TestHandOver_KeepsTheChannel(t *testing.T) {
	for name, survivor := range map[string]bool{"REFER in the first call": true, "REFER in the consultation": false} {
		t.Run(name, func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				x := meet(y.rig, false)
				x.consult(true)
				alice, carol := y.channel("2000"), y.channel("2002")
				y.events.forget()
				want := "30013 2000 ANSWERED, 2001 ANSWER"
				if survivor {
					x.refer(x.first, x.second)
				} else {
					x.refer(x.second, x.first)
					want = "30013 2002 ANSWER, 2001 ANSWERED"
				}
				x.ends(x.first, x.second)
				y.pass(300 * time.Millisecond)
				y.same("alice's channel", y.channel("2000"), alice)
				y.same("carol's channel", y.channel("2002"), carol)
				var transfers []string
				last := map[string]string{}
				for _, text := range y.events.taken() {
					s := said(text)
					if strings.HasPrefix(s, "30013") {
						transfers = append(transfers, s)
					}
					if rest, ok := strings.CutPrefix(s, "30011 "); ok {
						for member := range strings.SplitSeq(rest, ", ") {
							number, status, _ := strings.Cut(member, " ")
							last[number] = status
						}
					}
				}
				y.same("transfers", strings.Join(transfers, "; "), want)
				y.that(strings.HasPrefix(last["2000"], "ANSWER") && strings.HasPrefix(last["2002"], "ANSWER") && last["2001"] == "BYE", "last told: %v", last)
				y.does(y.on("call/hold", "2002"))
				y.does(y.on("call/unhold", "2002"))
				y.tones(x.a, aliceTone, x.c, carolTone)
				y.does(y.on("call/hangup", "2000"))
				y.ends(x.a, x.c)
			})
		})
	}
}

// AttendedTransfer finds the extension that both calls have in common, whichever of them is the transferred one, and
// joins the others (spec ozeki 8.8). It is an application's: no report, no event of a transfer.
func TestAttendedTransfer_Joins(t *testing.T) {
	for name, row := range map[string]struct {
		byBob, reversed, held bool
		transferred           string
	}{
		"plain": {}, "bob called first": {byBob: true}, "the other way round": {reversed: true}, "held, as is usual": {held: true},
		"the table's spelling": {transferred: "TranferredCallId"},
	} {
		t.Run(name, func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				x := meet(y.rig, row.byBob)
				first := y.only().CallID
				if row.held {
					y.must("Hold", "CallId", first)
				}
				x.consult(true)
				var second string
				for _, c := range y.list() {
					if c.CallID != first {
						second = c.CallID
					}
				}
				y.events.forget()
				if row.reversed {
					first, second = second, first
				}
				y.same("a stranger", y.do("AttendedTransfer", "TransferredCallId", first, "TargetCallId", "zzzzzz").Code, 601)
				transferred := row.transferred
				if transferred == "" {
					transferred = "TransferredCallId"
				}
				y.must("AttendedTransfer", transferred, first, "TargetCallId", second)
				y.tones(x.a, aliceTone, x.c, carolTone)
				x.ends(x.first, x.second)
				y.pass(300 * time.Millisecond)
				y.same("the call that survives", y.only().CallID, first)
				y.that(!strings.Contains(strings.Join(y.events.taken(), ""), "30013"), "told as a phone's")
				y.ok(x.a.Hangup())
				y.ends(x.c)
			})
		})
	}
}

// Reports and the P-Series API give a call and its legs the same ids.
func TestReports_NameCallsAsYeastarDoes(t *testing.T) {
	got := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		got <- string(body)
	}))
	defer server.Close()
	r := loopRig(t, func(c *Config) {
		d := DefaultConfig()
		c.Yeastar, c.Reports = d.Yeastar, []Report{{URL: server.URL}}
		c.anyPorts()
	})
	y := r.yeastarApp()
	alice, bob, carol := r.three()
	a, b := r.talk(alice, "2001", bob)
	call, first, second := y.calls()[0].CallID, y.channel("2000"), y.channel("2001")
	_, err := b.Refer(r.ctx, "sip:2002@example.com")
	r.ok(err)
	c := r.rung(carol)
	r.ok(c.Answer())
	want := `{"event":"Tranfer","callid":"` + call + `","members":[{"ext":{"number":"2000","channelid":"` + first +
		`"}},{"ext":{"number":"2001","channelid":"` + second + `"}}],"sn":"` + r.cfg.Yeastar.SN + `"}`
	select {
	case text := <-got:
		r.same("report", text, want)
	case <-time.After(10 * time.Second):
		r.Fatal("no report")
	}
	r.ok(a.Hangup())
	r.ends(c)
	r.settled()
	r.same("further reports", len(got), 0)
}
