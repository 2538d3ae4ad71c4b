package media

import (
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/tone"
)

var sounds = map[callstate.Sound]tone.Kind{
	callstate.Silence: tone.Silence, callstate.Ringback: tone.Ringback, callstate.BusyTone: tone.Busy,
	callstate.Music: tone.Music,
}

// tick does what the stream owes to a slot of 20 ms: a step of the digits that are being sent, else a frame of what
// plays. It returns false when there is neither.
func (o *outbound) tick(l *leg, slot uint64, now time.Duration) bool {
	o.mu.Lock()
	var told []callstate.Event
	step := dtmf.Step{}
	if o.ready(l, now, &told) {
		var done dtmf.Done
		var isDone bool
		step, done, isDone = o.sender.Tick()
		if isDone {
			told = append(told, callstate.DigitsSent{On: l.on(), Ref: done.Ref})
		}
	}
	o.frozen = step.Act != dtmf.Free
	switch step.Act {
	case dtmf.Event:
		o.sendEvent(step, now)
	case dtmf.Tone, dtmf.Quiet:
		o.sendTone(step, now)
	}
	playing := o.play(now)
	if o.mix != nil {
		playing = o.addUp(slot, now)
	}
	busy := o.frozen || o.sender.Active() || playing
	o.mu.Unlock()
	for _, ev := range told {
		l.post(ev)
	}
	return busy
}

// play sends the next frame of the sound, unless a digit stands in its place. It returns false when nothing plays.
func (o *outbound) play(now time.Duration) bool {
	kind, ok := sounds[o.sound]
	law, g711 := o.agreed.law()
	if !ok || !g711 || !o.open || o.feed != nil || o.mix != nil {
		return false
	}
	loop := tone.Loop(kind, law)
	frame := loop[o.at%len(loop):][:tone.Frame]
	o.at = (o.at + tone.Frame) % len(loop)
	if !o.frozen {
		o.sendFrame(frame, now)
	}
	return true
}

// sendFrame sends 20 ms of G.711.
func (o *outbound) sendFrame(frame []byte, now time.Duration) {
	if !o.open {
		return
	}
	copy(o.buf[headerSize:], frame)
	o.send(o.buf[:headerSize+len(frame)], o.agreed.pt, o.line.Next(uint32(len(frame)), now))
}
