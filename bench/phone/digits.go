package phone

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Press is one key pressed and let go, as telephone-event (RFC 4733 §2.5.1):
//
//	       M  timestamp constant         E  E  E
//	audio |e1 e2 e3 ... duration growing  en en en| audio, timestamp + duration
//
// Times are rounded up to packets of 20 ms.
type Press struct {
	Digit rune
	Down  time.Duration // how long; default 100 ms
	Pause time.Duration // before the next digit of the queue at least; default 40 ms
	// LostBegins packets at the begin, the marked one among them, and LostEnds of the three end packets do not arrive:
	// they have their sequence numbers and are not sent. With 3 lost ends nothing tells that the key was let go.
	LostBegins, LostEnds int
}

// Press queues a key press. It fails when the peer did not agree to telephone-event.
func (m *Media) Press(p Press) error {
	j := job{kind: eventJob, total: frames(p.Down, 5), begins: p.LostBegins, ends: p.LostEnds}
	return m.press(p.Digit, j, frames(p.Pause, 2))
}

// SendDigit4733 queues a key press of ms, with at least 40 ms before the next.
func (m *Media) SendDigit4733(digit rune, ms int) error {
	if ms < 1 {
		return fmt.Errorf("phone: no digit %q of %d ms", digit, ms)
	}
	return m.Press(Press{Digit: digit, Down: time.Duration(ms) * time.Millisecond})
}

// KeyDown presses a key and holds it until KeyUp.
func (m *Media) KeyDown(digit rune) error { return m.press(digit, job{kind: eventJob, held: true}, 2) }

// KeyUp lets go of the first key that is held, of at least one packet.
func (m *Media) KeyUp() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.sender.jobs {
		if j := &m.sender.jobs[i]; j.held {
			j.held, j.total = false, j.done+1
			return nil
		}
	}
	return errors.New("phone: no key is held")
}

func (m *Media) press(digit rune, j job, rest int) error {
	event := strings.IndexRune(events, digit)
	m.mu.Lock()
	defer m.mu.Unlock()
	if event < 0 {
		return fmt.Errorf("phone: no digit %q", digit)
	}
	if m.eventPT < 0 {
		return errors.New("phone: telephone-event was not negotiated")
	}
	j.event = byte(event)
	return m.queue(j, rest)
}

// frames is how many packets a time takes.
func frames(d time.Duration, otherwise int) int {
	if d <= 0 {
		return otherwise
	}
	return int((d + ptime - 1) / ptime)
}

// Content types of a digit in an INFO, by the vendors who made them up.
const (
	DTMFRelay = "application/dtmf-relay" // "Signal=5", "Duration=160" (ms)
	DTMF      = "application/dtmf"       // "5"
)

// SendDigitInfo sends a digit in an INFO of one of these types, ms long, and returns its final response.
func (c *Call) SendDigitInfo(ctx context.Context, digit rune, ms int, contentType string) (*Message, error) {
	body := string(digit)
	if contentType == DTMFRelay {
		body = fmt.Sprintf("Signal=%c\r\nDuration=%d\r\n", digit, ms)
	}
	return c.Info(ctx, contentType, body)
}

// InfoDigits are the digits that came in INFOs, as typed: one for each request, retransmissions not counted.
func (c *Call) InfoDigits() string {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	return c.infoDigits()
}

func (c *Call) infoDigits() string {
	var digits []byte
	for _, m := range c.received {
		if m.Method == "INFO" {
			digits = append(digits, infoDigit(m)...)
		}
	}
	return string(digits)
}

// infoDigit reads the digit of an INFO, "" without one; 10 and 11 are the codes of * and #.
func infoDigit(m *Message) string {
	contentType, _, _ := strings.Cut(m.Get("Content-Type"), ";")
	signal := string(m.Body)
	switch strings.ToLower(strings.TrimSpace(contentType)) {
	case DTMF:
	case DTMFRelay:
		signal = ""
		for _, line := range strings.Split(string(m.Body), "\n") {
			if k, v, _ := strings.Cut(line, "="); strings.EqualFold(strings.TrimSpace(k), "Signal") {
				signal = v
			}
		}
	default:
		return ""
	}
	switch signal = strings.TrimSpace(signal); signal {
	case "10":
		return "*"
	case "11":
		return "#"
	}
	return signal
}

// WaitInfoDigits waits until the digits that came in INFOs spell that string.
func (c *Call) WaitInfoDigits(ctx context.Context, want string) error {
	return c.waitState(ctx, "INFO digits "+want, func() bool { return c.infoDigits() == want })
}

// DigitsHeard are the digits of one call by the way on which they came, each as often as it came.
type DigitsHeard struct{ Events, Info, Inband string }

// Digits returns what was heard up to now.
func (c *Call) Digits() DigitsHeard {
	return DigitsHeard{c.Media.DigitString(), c.InfoDigits(), c.Media.InbandDigits()}
}
