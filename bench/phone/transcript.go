package phone

import (
	"fmt"
	"strings"
	"time"
)

// Entry is one message as it went over the wire.
type Entry struct {
	At     time.Time
	Out    bool   // sent by this phone
	Peer   string // address of the other side
	Repeat bool   // a retransmission
	Text   string
}

// Key says what Count counts: a request by Method with Status 0, a response by the Method of its CSeq and its Status.
type Key struct {
	Out    bool
	Method string
	Status int
	Repeat bool // retransmissions are counted apart
}

// Count returns how many messages of that kind there were since New.
func (p *Phone) Count(k Key) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[k]
}

// Counts returns a copy of all counters.
func (p *Phone) Counts() map[Key]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := make(map[Key]int, len(p.counts))
	for k, n := range p.counts {
		counts[k] = n
	}
	return counts
}

// Received and Sent count distinct requests (status 0) or responses, without retransmissions.
func (p *Phone) Received(method string, status int) int {
	return p.Count(Key{Method: method, Status: status})
}

func (p *Phone) Sent(method string, status int) int {
	return p.Count(Key{Out: true, Method: method, Status: status})
}

// Transcript returns the messages remembered, oldest first.
func (p *Phone) Transcript() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Entry(nil), p.log...)
}

// Ladder is the transcript as one line per message, for the report of a failed test.
func (p *Phone) Ladder() string { return ladder(p.cfg.Number, p.Transcript()) }

// Log returns the messages of this call.
func (c *Call) Log() []Entry {
	var mine []Entry
	for _, e := range c.p.Transcript() {
		if strings.Contains(e.Text, c.ID) {
			mine = append(mine, e)
		}
	}
	return mine
}

func ladder(name string, entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		arrow, again := "<-", ""
		if e.Out {
			arrow = "->"
		}
		if e.Repeat {
			again = " (again)"
		}
		line, rest, _ := strings.Cut(e.Text, "\r\n")
		if _, after, ok := strings.Cut(rest, "CSeq: "); ok {
			cseq, _, _ := strings.Cut(after, "\r\n")
			line += "  [" + cseq + "]"
		}
		fmt.Fprintf(&b, "%s %s %s %s %s%s\n", e.At.Format("15:04:05.000"), name, arrow, e.Peer, line, again)
	}
	return b.String()
}

// record remembers and counts one message; m is nil when it cannot be parsed. p.mu is held.
func (p *Phone) record(out bool, peer string, raw []byte, m *Message, repeat bool) {
	if len(p.log) >= p.cfg.Transcript {
		p.log = append(p.log[:0], p.log[len(p.log)/4+1:]...)
	}
	p.log = append(p.log, Entry{At: time.Now(), Out: out, Peer: peer, Repeat: repeat, Text: string(raw)})
	k := Key{Out: out, Method: "malformed", Repeat: repeat}
	if m != nil && m.Method != "" {
		k.Method = m.Method
	} else if m != nil {
		_, k.Method = m.CSeq()
		k.Status = m.Status
	}
	if len(p.counts) < 10000 || p.counts[k] > 0 { // hostile method names must not fill the memory
		p.counts[k]++
	}
}
