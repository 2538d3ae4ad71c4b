package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"ringdown/callstate"
	"ringdown/sip"
)

// tracer keeps the SIP messages of each call and draws them as a ladder when the call is over. It shows start lines
// only, so no secret can get into it.
type tracer struct {
	out io.Writer // nil: who made it draws

	mu    sync.Mutex
	rungs map[string][]rung             // by SIP Call-ID
	legs  map[string]traceLeg           // by SIP Call-ID
	calls map[callstate.CallID][]string // SIP Call-IDs, in order of their legs
	apps  map[callstate.CallID]string   // the API extension that began the call
	size  int
	wg    sync.WaitGroup
	done  chan struct{}
}

// rung is one message of a ladder.
type rung struct {
	at   time.Time
	out  bool // from the switch to the phone
	text string
}

type traceLeg struct {
	id     callstate.LegID
	number string
}

const (
	maxRungs   = 20_000          // of all calls together
	ladderWait = 1 * time.Second // for the last BYE to be answered
)

func newTracer(out io.Writer) *tracer {
	return &tracer{out: out, rungs: map[string][]rung{}, legs: map[string]traceLeg{},
		calls: map[callstate.CallID][]string{}, apps: map[callstate.CallID]string{}, done: make(chan struct{})}
}

// Message implements sip.Tracer.
func (t *tracer) Message(m sip.TraceMessage) {
	id, text := summarise(m.Data)
	if id == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.size >= maxRungs {
		clear(t.rungs) // strangers' messages; calls that run lose their beginning, never memory
		t.size = 0
	}
	t.size++
	t.rungs[id] = append(t.rungs[id], rung{m.Time, m.Out, text})
}

// Leg implements sip.Tracer.
func (t *tracer) Leg(sipCallID string, leg callstate.LegID, number string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.legs[sipCallID] = traceLeg{leg, number}
	t.calls[leg.Call] = append(t.calls[leg.Call], sipCallID)
}

// adopt draws a leg with the call that has it now, and not with that of its birth.
func (t *tracer) adopt(call callstate.CallID, leg callstate.LegID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for sipCallID, l := range t.legs {
		if l.id != leg || slices.Contains(t.calls[call], sipCallID) {
			continue
		}
		for was, list := range t.calls {
			if rest := slices.DeleteFunc(list, func(id string) bool { return id == sipCallID }); len(rest) > 0 {
				t.calls[was] = rest
			} else {
				delete(t.calls, was)
			}
		}
		t.calls[call] = append(t.calls[call], sipCallID)
		return
	}
}

// begun notes the API extension that begins a call: it has no SIP that could tell of it.
func (t *tracer) begun(s *callstate.Summary) {
	if len(s.Legs) == 0 || !s.Legs[0].App {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apps[s.ID] = s.Legs[0].Party.Number
}

// follow keeps up with calls, and draws each that ends. The returned func stops it and waits.
func (t *tracer) follow(calls callstate.Calls) (stop func()) {
	end := calls.Watch(func(n callstate.Notice) {
		if n.Kind == callstate.NoticeCreated {
			t.begun(n.Summary)
		}
		for _, l := range n.Summary.Legs {
			if l.ID.Call != n.Summary.ID {
				t.adopt(n.Summary.ID, l.ID)
			}
		}
		if n.Kind != callstate.NoticeEnded || t.out == nil {
			return
		}
		id := n.Summary.ID
		t.wg.Go(func() {
			select {
			case <-time.After(ladderWait):
			case <-t.done:
			}
			fmt.Fprint(t.out, t.draw(id))
		})
	})
	return func() {
		end()
		close(t.done)
		t.wg.Wait()
	}
}

// summarise reads the Call-ID of a message and what a rung says of it.
func summarise(data []byte) (callID, text string) {
	head, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	cseq, asks := "", ""
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "call-id", "i":
			callID = strings.TrimSpace(value)
		case "cseq":
			_, cseq, _ = strings.Cut(strings.TrimSpace(value), " ")
		case "refer-to", "r":
			asks = wish(value)
		case "replaces":
			asks = " replaces"
		}
	}
	if method, _, ok := strings.Cut(lines[0], " sip:"); ok && !strings.HasPrefix(lines[0], "SIP/") {
		text = method + asks
	} else if rest, ok := strings.CutPrefix(lines[0], "SIP/2.0 "); ok {
		text = rest + " (" + strings.TrimSpace(cseq) + ")"
	} else {
		text, _, _ = strings.Cut(lines[0], " ")
	}
	switch {
	case bytes.HasPrefix(body, []byte("v=0")):
		text += " sdp"
		for _, d := range []string{"sendonly", "recvonly", "inactive"} {
			if bytes.Contains(body, []byte("a="+d)) {
				text += " " + d
			}
		}
	case bytes.HasPrefix(body, []byte("SIP/2.0 ")):
		text += ": " + strings.TrimSpace(strings.TrimPrefix(string(body), "SIP/2.0 "))
	}
	return callID, text
}

// wish is what a REFER asks for: the number, and whether it is to take the place of a call there.
func wish(referTo string) string {
	_, rest, found := strings.Cut(referTo, "sip:")
	if !found {
		return ""
	}
	number, rest, _ := strings.Cut(rest, "@")
	if strings.ContainsAny(number, "<>;?\"") || len(number) > 20 {
		number = "…"
	}
	if strings.Contains(strings.ToLower(rest), "replaces=") {
		return " to " + number + ", replaces"
	}
	return " to " + number
}

// draw renders the ladder of a call and forgets it.
func (t *tracer) draw(id callstate.CallID) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	type step struct {
		rung
		column int
	}
	var steps []step
	names := []string{t.apps[id], "ringdown"}
	delete(t.apps, id)
	for _, sipID := range t.calls[id] {
		leg := t.legs[sipID]
		column := 0
		if leg.id != (callstate.LegID{Call: id, N: 1}) {
			names = append(names, again(names, leg.number))
			column = len(names) - 1
		} else {
			names[0] = leg.number
		}
		for _, r := range t.rungs[sipID] {
			steps = append(steps, step{r, column})
		}
		t.size -= len(t.rungs[sipID])
		delete(t.rungs, sipID)
		delete(t.legs, sipID)
	}
	delete(t.calls, id)
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].at.Before(steps[j].at) })
	if len(steps) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\ncall of %s at %s\n%8s  ", names[0], steps[0].at.Format("15:04:05.000"), "seconds")
	for _, n := range names {
		fmt.Fprintf(&b, "%-*s", ladderWidth, n)
	}
	b.WriteByte('\n')
	for _, s := range steps {
		fmt.Fprintf(&b, "%8.3f  %s\n", s.at.Sub(steps[0].at).Seconds(), arrow(s.text, s.out, s.column, len(names)))
	}
	return b.String()
}

// again numbers the lines of a phone from the second on.
func again(names []string, number string) string {
	n := 1
	for _, name := range names {
		if name == number || strings.HasPrefix(name, number+" (") {
			n++
		}
	}
	if n == 1 {
		return number
	}
	return fmt.Sprintf("%s (%d)", number, n)
}

// ladderWidth is the distance of two columns, in characters.
const ladderWidth = 34

// arrow draws one message between the switch (column 1) and a phone's column.
func arrow(text string, out bool, column, columns int) string {
	from, to := min(1, column), max(1, column)
	right := out == (column > 1)
	var b strings.Builder
	for c := 0; c < columns; c++ {
		b.WriteString("│")
		switch {
		case c == columns-1:
		case c == from:
			b.WriteString(line(text, (to-from)*ladderWidth-1, right))
			c = to - 1
		default:
			b.WriteString(strings.Repeat(" ", ladderWidth-1))
		}
	}
	return b.String()
}

// line is text on an arrow of the given width.
func line(text string, width int, right bool) string {
	if utf8.RuneCountInString(text) > width-4 { // the status says most
		before, method, _ := strings.Cut(text, " (")
		_, after, _ := strings.Cut(method, ")")
		text = before + after
	}
	if r := []rune(text); len(r) > width-4 {
		text = string(r[:width-5]) + "…"
	}
	left := (width - 3 - utf8.RuneCountInString(text)) / 2
	rest := width - 3 - left - utf8.RuneCountInString(text)
	dashes := strings.Repeat("─", max(0, left)) + " " + text + " " + strings.Repeat("─", max(0, rest))
	if right {
		return dashes + "▶"
	}
	return "◀" + dashes
}
