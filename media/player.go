package media

import (
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/tone"
)

// tick does what the stream owes to a slot of 20 ms: a step of the digits that are being sent, else a frame of a clip, else
// one of what plays or is mixed. It returns false when there is neither.
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
	o.checkClip(l, now, &told)
	playing := false
	switch {
	case o.mix != nil:
		playing = o.addUp(slot, now)
	case o.feed == nil:
		playing = o.play(l.e.music, now)
	}
	o.sendClip(now)
	busy := o.frozen || o.sender.Active() || playing || o.clip.audio != nil
	o.mu.Unlock()
	for _, ev := range told {
		l.post(ev)
	}
	return busy
}

// play sends the next frame of the sound, unless a digit or a clip stands in its place. It returns false when nothing plays.
func (o *outbound) play(music loop, now time.Duration) bool {
	kind, ok := sounds[o.sound]
	if !ok || o.agreed.off() || o.agreed.kind == codec.None || !o.open {
		return false
	}
	playing := music
	if kind != tone.Music || music.frames() == 0 {
		playing = loopOf(kind, o.agreed.kind)
	}
	if !o.frozen && !o.clipped() {
		o.sendFrame(playing, o.at, now)
	}
	o.at = (o.at + 1) % playing.frames()
	return true
}

// sendFrame sends the frame of a loop that begins at so many frames.
func (o *outbound) sendFrame(playing loop, at int, now time.Duration) {
	if !o.open {
		return
	}
	payload := o.room()[headerSize:][:tone.Frame]
	switch o.agreed.kind {
	case codec.PCMU:
		copy(payload, playing.law[tone.MuLaw][at*tone.Frame:])
	case codec.PCMA:
		copy(payload, playing.law[tone.ALaw][at*tone.Frame:])
	default:
		o.coder.Encode(payload, playing.wide[at*tone.WideFrame:][:tone.WideFrame])
		o.made = o.coder.Kind().Remembers()
		if o.feed != nil && o.feed.how == callstate.Relayed { // a key's tone in a phone's own stream
			o.settle = settleTime
		}
	}
	o.send(o.room()[:headerSize+tone.Frame], o.agreed.pt, o.line.Next(tone.Frame, now))
}
