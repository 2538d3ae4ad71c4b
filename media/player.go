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
	case o.bridge != callstate.Nothing:
		o.cross(l.e.music, now)
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
	playing, ok := o.loop(o.sound, music)
	if !ok {
		return false
	}
	o.owes = false
	if !o.frozen && !o.clipped() {
		o.sendFrame(playing, o.at, now)
	}
	o.at = (o.at + 1) % playing.frames()
	return true
}

// loop is what a sound is made of for the phone; not ok when nothing is to be heard.
func (o *outbound) loop(sound callstate.Sound, music loop) (l loop, ok bool) {
	kind, ok := sounds[sound]
	if !ok || o.agreed.off() || o.agreed.kind == codec.None || !o.open {
		return loop{}, false
	}
	if kind != tone.Music || music.frames() == 0 {
		return loopOf(kind, o.agreed.kind), true
	}
	return music, true
}

// cross sends one more frame of the sound that a feed has taken the place of, since no packet of the feed has come yet.
func (o *outbound) cross(music loop, now time.Duration) {
	playing, ok := o.loop(o.bridge, music)
	if ok && !o.frozen && !o.clipped() {
		o.sendFrame(playing, o.bridgeAt%playing.frames(), now)
	}
	o.bridge = callstate.Nothing
}

// begin sends the first frame of a sound that has taken the place of a feed, if the next tick, which else would, is later
// than 20 ms after the feed's last packet.
func (o *outbound) begin(music loop, next, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owes && next > o.line.At()+dtmf.Slot+time.Millisecond {
		o.play(music, now)
	}
	o.owes = false
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
