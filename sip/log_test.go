package sip

import (
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
	"ringdown/callstate"
)

// says checks that the log has so many lines with a text.
func (r *rig) says(text string, n int) {
	r.Helper()
	if got := strings.Count(r.logged(), text); got != n {
		r.Errorf("%d lines with %s, expected %d\n%s", got, text, n, r.logged())
	}
}

// A transfer that a phone asks for and does not get leaves a line, whoever refused it.
func TestLogsTransfer(t *testing.T) {
	inRig(t, func(r *rig) {
		s := r.talks("2000", true)
		r.request(s, "REFER", phone.WithHeader("Refer-To", "<mailto:x@example.com>"))
		r.says(`level=INFO msg="transfer refused" number=2000 target="" status=416`, 1)
		go s.Refer(r.ctx, toCarol)
		ev := last[callstate.ReferReceived](r)
		r.agent.Do(callstate.RefuseRefer{Leg: ev.Leg, Ref: ev.Ref, Status: 403})
		r.settle()
		r.says(`level=INFO msg="transfer refused" number=2000 target=2002 status=403`, 1)
		ev, _ = r.accept(s)
		r.report(ev, 180, 486, 486)
		r.says(`level=INFO msg="transfer failed" number=2000 target=2002 status=486`, 1)
		ev, _ = r.accept(s)
		r.report(ev, 200)
		r.says("msg=\"transfer", 3)
	})
}

func TestLogsRegister(t *testing.T) {
	inRig(t, func(r *rig) {
		p := r.phone("2000")
		r.says("msg=registered number=2000 contacts=1", 1)
		r.ok(p.Register(r.ctx, 0))
		r.says("msg=unregistered number=2000 contacts=0", 1)
	})
}

// Who is challenged although it is no phone of ours, and whose credentials do not fit, leaves a line; a flood of them
// leaves one in some seconds, which holds no more than a bit of what they wrote.
func TestLogsStrangers(t *testing.T) {
	inRig(t, func(r *rig) {
		p, long := r.phone("2000"), strings.Repeat("9", 300)
		send := func(method, from, authorization string) (status int, reason string) {
			m, err := p.Do(r.ctx, strings.Join([]string{method + " sip:" + long + "@{server} SIP/2.0",
				"Via: SIP/2.0/UDP {local};branch={branch};rport", "From: <sip:" + from + "@example.com>;tag={branch}",
				"To: <sip:2001@example.com>", "Call-ID: {branch}", "CSeq: 1 " + method, "Max-Forwards: 70",
				"Contact: <sip:x@{local}>" + authorization, "Content-Length: 0", "", ""}, "\n"))
			r.ok(err)
			return m.Status, m.Reason
		}
		unknown := "call from an address that is no trunk's: challenged"
		send("INVITE", "2000", "")
		r.says(unknown, 0)
		for range 3 {
			status, _ := send("INVITE", "030"+long, "")
			r.same("answer", status, 401)
		}
		r.says(unknown, 1)
		r.says(long[:65], 0)
		time.Sleep(sparseGap)
		send("INVITE", "030", "")
		r.says("from=030 to="+long[:64]+"... left_out=2", 1)

		other := "\nAuthorization: Digest username=\"2000\", realm=\"example.com\", nonce=\"n\", uri=\"sip:s3cret@example.com\", response=\"" +
			strings.Repeat("0", 32) + "\", algorithm=MD5"
		status, reason := send("REGISTER", "2000", other)
		r.same("answer", status, 400)
		r.same("reason", reason, "Bad Authorization: uri is not the Request-URI")
		r.says(`level=INFO msg="credentials do not fit the request" method=REGISTER reason="uri is not the Request-URI"`, 1)
		r.says("s3cret", 0)
	})
}
