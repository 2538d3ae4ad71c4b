package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
)

// bubble runs f with a switch on a network in memory, in virtual time. Afterwards nothing is left in the switch (I1), and
// what every phone sent and received adds up (I2 to I4).
func bubble(t *testing.T, f func(r *rig), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, change...)
		f(r)
		r.settled()
		r.balanced()
	})
}

// oddBubble is bubble for phones that break the rules themselves, so that only the switch can be held to account.
func oddBubble(t *testing.T, f func(r *rig), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, change...)
		f(r)
		r.settled()
	})
}

// arrived gives what the switch has sent the time to reach the phones' transcripts.
func (r *rig) arrived(met func() bool) {
	patience := 3 * time.Second
	if r.net != nil {
		patience = 20 * time.Millisecond // nothing is longer on its way
	}
	for deadline := time.Now().Add(patience); !met() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

// balanced fails unless the transcripts of all phones add up.
func (r *rig) balanced() {
	r.Helper()
	for _, p := range r.phones {
		r.arrived(func() bool { return len(audit(p.Transcript(), false)) == 0 })
		for _, fault := range audit(p.Transcript(), r.net != nil && r.net.Stats().Lost > 0) {
			r.Errorf("%s: %s\n%s", p.URI(), fault, p.Ladder())
		}
	}
}

// exchanged is a transaction as one phone saw it.
type exchanged struct {
	out         bool // the phone sent the request
	copies      int  // how often the phone saw it
	method      string
	provisional bool
	finals      []string // status and To-tag, each once
	acked       bool
	dialog      *dialogSeen
}

// dialogSeen is a dialog as one phone saw it.
type dialogSeen struct {
	open, closed bool
	unacked      map[string]bool // CSeq of 2xx to INVITE without an ACK
}

// ledger adds up the messages of one phone.
type ledger struct {
	transactions map[string]*exchanged
	dialogs      map[string]*dialogSeen
	order        []string
}

// audit lists what does not add up in a phone's transcript: I2, I3 and I4. Where messages were lost, a dialog that was
// hung up excuses what was open in it: nobody repeats an answer or an ACK any more then. So do many copies of a request
// without an answer: then the network has swallowed them all, or all answers to them; and a refusal that comes when the
// INVITE was given up already finds no transaction that would acknowledge it.
func audit(entries []phone.Entry, lossy bool) (faults []string) {
	l := ledger{map[string]*exchanged{}, map[string]*dialogSeen{}, nil}
	for _, e := range entries {
		if m, err := phone.ParseMessage([]byte(e.Text)); err == nil {
			l.add(e.Out, m)
		}
	}
	for _, key := range l.order {
		t := l.transactions[key]
		switch {
		case lossy && len(t.finals) == 0 && (t.dialog.closed || t.copies >= 4):
		case lossy && len(t.finals) == 1 && (!t.out || t.copies >= 4):
		case t.out && len(t.finals) != 1:
			faults = append(faults, fmt.Sprintf("I4: %s has the final answers %q", key, t.finals))
		case !t.out && t.method == "INVITE" && t.provisional && len(t.finals) == 0:
			faults = append(faults, "I3: neither answered nor cancelled: "+key)
		case t.method == "INVITE" && len(t.finals) > 0 && !strings.HasPrefix(t.finals[0], "2") && !t.acked:
			faults = append(faults, "I3: not acknowledged: "+key)
		}
	}
	for id, d := range l.dialogs {
		if d.open && !d.closed {
			faults = append(faults, "I2: nobody hung up "+id)
		}
		if len(d.unacked) > 0 && !(lossy && d.closed) {
			faults = append(faults, fmt.Sprintf("I2: 2xx without ACK in %s: %v", id, d.unacked))
		}
	}
	return faults
}

func (l *ledger) add(out bool, m *phone.Message) {
	number, method := m.CSeq()
	dialog := l.dialog(m, out == (m.Method != ""))
	switch {
	case m.Method == "ACK":
		delete(dialog.unacked, fmt.Sprint(number))
		if t := l.transactions[key(m, "INVITE", out)]; t != nil {
			t.acked = true
		}
	case m.Method != "":
		k := key(m, method, out)
		if l.transactions[k] == nil {
			l.transactions[k] = &exchanged{out: out, method: method, dialog: dialog}
			l.order = append(l.order, k)
		}
		l.transactions[k].copies++
		dialog.closed = dialog.closed || method == "BYE"
	default:
		l.response(out, m, dialog, number, method)
	}
}

func (l *ledger) response(out bool, m *phone.Message, dialog *dialogSeen, number uint32, method string) {
	t := l.transactions[key(m, method, !out)]
	if t == nil {
		return
	}
	if m.Status < 200 {
		t.provisional = t.provisional || m.Status > 100
		return
	}
	if f := fmt.Sprint(m.Status, " ", m.ToTag()); !slices.Contains(t.finals, f) {
		t.finals = append(t.finals, f)
	}
	switch {
	case method == "INVITE" && m.Status < 300:
		if !dialog.open || dialog.unacked == nil {
			dialog.unacked = map[string]bool{}
		}
		if dialog.open = true; !t.acked {
			dialog.unacked[fmt.Sprint(number)] = true
			t.acked = true // copies need no further ACK here: the first asks for one
		}
	case m.Status == 408, m.Status == 481:
		dialog.closed = true
	}
}

// dialog finds the dialog of a message; mine says that its From is the phone's side.
func (l *ledger) dialog(m *phone.Message, mine bool) *dialogSeen {
	tags := []string{m.FromTag(), m.ToTag()}
	if !mine {
		slices.Reverse(tags)
	}
	id := m.Get("Call-ID") + " " + strings.Join(tags, " ")
	if l.dialogs[id] == nil {
		l.dialogs[id] = &dialogSeen{}
	}
	return l.dialogs[id]
}

func key(m *phone.Message, method string, out bool) string {
	way := "received"
	if out {
		way = "sent"
	}
	return way + " " + method + " " + m.Branch() + " " + m.Get("CSeq")[:strings.IndexByte(m.Get("CSeq")+" ", ' ')]
}

// counts fails unless the phone received that many distinct requests and answers of each kind, given as "BYE 1" or
// "INVITE 200 1".
func (r *rig) received(p *phone.Phone, what ...string) {
	r.Helper()
	for _, w := range what {
		f := strings.Fields(w)
		var status, want int
		if len(f) == 3 {
			fmt.Sscan(f[1], &status)
		}
		fmt.Sscan(f[len(f)-1], &want)
		r.arrived(func() bool { return p.Received(f[0], status) == want })
		if got := p.Received(f[0], status); got != want {
			r.Errorf("%s received %d, expected %q\n%s", p.URI(), got, w, p.Ladder())
		}
	}
}

// status fails unless err is nil and the answer has that status.
func (r *rig) status(m *phone.Message, err error, want int) *phone.Message {
	r.Helper()
	r.ok(err)
	if m.Status != want {
		r.Fatalf("answered %s, expected %d\n%s", m.StartLine(), want, r.ladder())
	}
	return m
}

// refused fails unless the call ends with that status.
func (r *rig) refused(c *phone.Call, want int) *phone.Message {
	r.Helper()
	end, err := c.WaitEnd(r.ctx)
	r.ok(err)
	if end.Status != want {
		r.Fatalf("the call ended with %d %s, expected %d\n%s", end.Status, end.Reason, want, r.ladder())
	}
	return end.Message
}

// dial starts a call; only the answers tell how it goes.
func (r *rig) dial(from *phone.Phone, number string, opts ...phone.Option) *phone.Call {
	r.Helper()
	c, err := from.Dial(r.ctx, number, opts...)
	r.ok(err)
	return c
}

// rings waits for the phone to be called and lets it ring.
func (r *rig) rings(p *phone.Phone) *phone.Call {
	r.Helper()
	c, err := rings(r.ctx, p)
	r.ok(err)
	return c
}

// soon waits until met, at most for d.
func (r *rig) soon(d time.Duration, what string, met func() bool) {
	r.Helper()
	for deadline := time.Now().Add(d); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.Fatalf("no %s within %v\n%s", what, d, r.ladder())
		}
	}
}
