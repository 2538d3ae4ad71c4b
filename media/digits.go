package media

import (
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/sdp"
	"ringdown/media/internal/timeline"
	"ringdown/media/internal/tone"
)

// sendDigits queues a string for a leg. DigitsSent tells how it went.
func (e *Engine) sendDigits(c callstate.SendDigits) {
	l := e.find(c.Leg)
	if l == nil {
		e.cfg.Post(callstate.DigitsSent{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, Fail: string(callstate.NoStream)})
		return
	}
	if fail := l.out.queue(c); fail != "" {
		l.post(callstate.DigitsSent{On: l.on(), Ref: c.Ref, Fail: fail})
		return
	}
	e.clock.want(l)
}

func (o *outbound) queue(c callstate.SendDigits) (fail string) {
	digits, err := dtmf.Normal(c.Digits)
	if err != nil {
		return err.Error()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	inband := c.Way == callstate.ByInband
	if c.Way != callstate.ByEvent && !inband {
		return "media cannot send digits by " + string(c.Way)
	}
	if fail := o.cannot(inband); fail != "" {
		return fail
	}
	if err := o.sender.Add(c.Ref, digits, inband); err != nil {
		return err.Error()
	}
	return ""
}

// cannot tells why no digit can be sent now; "" when it can (edge case D12).
func (o *outbound) cannot(inband bool) string {
	switch {
	case o.agreed.off():
		return "the stream is off"
	case !sdp.Hears(o.agreed.phone):
		return "the phone does not listen: " + string(o.agreed.phone)
	case !o.open:
		return "the phone has no address"
	case inband && o.agreed.kind == codec.None:
		return "tones cannot be made in " + o.agreed.codec.Name
	case !inband && o.agreed.event.Name == "":
		return "telephone-event was not negotiated"
	}
	return ""
}

// ready tells whether the digits may go on in this slot. Strings that can no longer be sent are given up.
func (o *outbound) ready(l *leg, now time.Duration, told *[]callstate.Event) bool {
	for {
		starting, inband := o.sender.Starting()
		if !starting {
			return o.sender.Active()
		}
		fail := o.cannot(inband)
		if fail == "" {
			return now >= o.eventBusy // an event of the feed ends first
		}
		*told = append(*told, callstate.DigitsSent{On: l.on(), Ref: o.sender.Drop(), Fail: fail})
	}
}

// sendEvent sends one packet of an injected event (RFC 4733 §2.5.1): all have the timestamp of its start, the numbers
// go on, also for the repeated ends.
func (o *outbound) sendEvent(step dtmf.Step, due time.Duration) {
	if !o.open || o.agreed.event.Name == "" {
		return
	}
	var s timeline.Stamp
	p := dtmf.Payload{Event: step.Event, End: step.End, Volume: volume,
		Duration: uint16(step.Slots * o.agreed.event.Clock / 50)}
	if step.First {
		s = o.line.Insert(o.lasts(p), due)
	} else {
		s = o.line.Again(o.lasts(p))
	}
	p.Write(o.room()[headerSize:])
	o.send(o.room()[:headerSize+dtmf.PayloadSize], o.agreed.event.PT, s)
}

// lasts is how many ticks of the stream an event lasts, of which a packet goes to the phone.
func (o *outbound) lasts(p dtmf.Payload) uint32 {
	return uint32(int(p.Duration) * o.line.Clock() / o.agreed.event.Clock)
}

// sendTone sends 20 ms of a key's tone, or of the pause after it: whole frames, and none is left out.
func (o *outbound) sendTone(step dtmf.Step, due time.Duration) {
	playing, at := silent(o.agreed.kind), 0
	if step.Act == dtmf.Tone {
		playing, at = key(o.agreed.kind, step.Event), 2*step.Slots
	}
	if o.open {
		o.sendFrame(playing, at, 2, o.line.Must(tone.Frame, due))
	}
}

// shut ends the stream for good. An event that was being sent gets its end (edge case D13).
func (o *outbound) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if event, slots, ok := o.sender.Within(); ok {
		for range 3 {
			o.sendEvent(dtmf.Step{Event: event, End: true, Slots: slots}, 0)
		}
	}
	o.endClip()
	o.closed, o.open = true, false
	o.feed, o.mix, o.sound, o.sender = nil, nil, callstate.Nothing, dtmf.Sender{}
}
