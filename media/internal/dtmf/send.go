package dtmf

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Slot is the step of a Sender.
const Slot = 20 * time.Millisecond

// MaxQueue is how many digits, pauses included, may wait in one Sender.
const MaxQueue = 256

// The lengths in slots: digits of 100 ms, 100 ms apart, a comma pausing 500 ms. The first end packet is the last of
// the tone; its two repeats are in the gap (RFC 4733 §2.5.1.4).
const (
	toneSlots  = 5
	endSlots   = 3
	digitSlots = 10
	pauseSlots = 25
)

// What a stream does in a slot.
type Act uint8

const (
	Free  Act = iota // its own business
	Event            // send the event packet of this step, nothing else
	Tone             // send 20 ms of the key's tone, nothing else
	Quiet            // send 20 ms of silence, nothing else: the gap between tones
)

// Step is what a stream has to do in one slot.
type Step struct {
	Act   Act
	Event uint8
	First bool // of its event
	End   bool // end of event
	Slots int  // with Event: the event's duration in slots; with Tone: which slot of the tone, from 0
}

// Done tells of a string whose last digit is out.
type Done struct{ Ref uint32 }

var (
	// ErrFull says that the digits do not fit into the queue.
	ErrFull = errors.New("too many digits are waiting")
	// ErrNone says that there is nothing to send.
	ErrNone = errors.New("no digits")
)

// Sender queues strings of digits, whole and in order (edge case D14), and plays them slot by slot. The zero value is
// ready.
type Sender struct {
	jobs   []job
	queued int
	slot   int // within the current item
}

type job struct {
	ref    uint32
	digits string
	inband bool
}

// Normal upper-cases digits and checks them: 0-9 * # A-D and the comma.
func Normal(digits string) (string, error) {
	digits = strings.ToUpper(digits)
	for i := range len(digits) {
		if _, ok := Code(digits[i]); !ok && digits[i] != ',' {
			return "", fmt.Errorf("%q is not a digit", digits[i])
		}
	}
	if digits == "" {
		return "", ErrNone
	}
	return digits, nil
}

// Add queues a string that Normal returned.
func (s *Sender) Add(ref uint32, digits string, inband bool) error {
	if s.queued+len(digits) > MaxQueue {
		return ErrFull
	}
	s.jobs = append(s.jobs, job{ref, digits, inband})
	s.queued += len(digits)
	return nil
}

// Active tells whether Tick has anything to do.
func (s *Sender) Active() bool { return len(s.jobs) > 0 }

// Starting tells whether the next Tick starts a digit, and whether as a tone in the audio: the moment to look whether
// the stream can take it, and to wait or Drop if not.
func (s *Sender) Starting() (starting, inband bool) {
	return len(s.jobs) > 0 && s.slot == 0 && len(s.jobs[0].digits) > 0 && s.jobs[0].digits[0] != ',', s.inband()
}

func (s *Sender) inband() bool { return len(s.jobs) > 0 && s.jobs[0].inband }

// Drop gives up the rest of the string at the head.
func (s *Sender) Drop() (ref uint32) {
	j := s.jobs[0]
	s.queued -= len(j.digits)
	s.jobs = s.jobs[1:]
	s.slot = 0
	return j.ref
}

// Within tells whether an event has begun and its end was not sent yet, and which one (edge case D13).
func (s *Sender) Within() (event uint8, slots int, ok bool) {
	if len(s.jobs) == 0 || s.inband() || s.slot == 0 || s.slot >= toneSlots+endSlots-1 || s.jobs[0].digits[0] == ',' {
		return 0, 0, false
	}
	event, _ = Code(s.jobs[0].digits[0])
	return event, min(s.slot, toneSlots), true
}

// Tick returns what to do in the slot that starts now. done is the string that this slot completes.
func (s *Sender) Tick() (step Step, done Done, isDone bool) {
	if len(s.jobs) == 0 {
		return Step{}, Done{}, false
	}
	j := &s.jobs[0]
	length, complete := digitSlots, toneSlots+endSlots-2
	if code, ok := Code(j.digits[0]); !ok {
		length, complete = pauseSlots, pauseSlots-1
	} else {
		step = s.act(code, j.inband)
		if j.inband {
			complete = digitSlots - 1
		}
	}
	if s.slot == complete && len(j.digits) == 1 {
		done, isDone = Done{j.ref}, true
	}
	if s.slot++; s.slot == length {
		s.slot = 0
		s.queued--
		if j.digits = j.digits[1:]; j.digits == "" {
			s.jobs = s.jobs[1:]
		}
	}
	return step, done, isDone
}

func (s *Sender) act(code uint8, inband bool) Step {
	switch i := s.slot; {
	case inband && i < toneSlots:
		return Step{Act: Tone, Event: code, Slots: i}
	case inband:
		return Step{Act: Quiet}
	case i < toneSlots+endSlots-1:
		return Step{Act: Event, Event: code, First: i == 0, End: i >= toneSlots-1, Slots: min(i+1, toneSlots)}
	}
	return Step{}
}
