package media

import (
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/timeline"
	"ringdown/media/internal/tone"
)

// tick does what the stream owes to a slot of 20 ms: a step of the digits that are being sent, else a frame of a clip, else
// one of what plays or is mixed. It returns false when there is neither.
func (o *outbound) tick(l *leg, slot uint64, due, now time.Duration) bool {
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
		o.sendEvent(step, due)
	case dtmf.Tone, dtmf.Quiet:
		o.sendTone(step, due)
	}
	o.checkClip(l, now, &told)
	playing := false
	switch {
	case o.mix != nil:
		playing = o.addUp(slot, due, now)
	case o.feed == nil:
		playing = o.play(l.e.music, due)
	case o.bridge != callstate.Nothing:
		o.cross(l.e.music, due)
	}
	o.sendClip(due, now)
	busy := o.frozen || o.sender.Active() || playing || o.clip.audio != nil
	o.mu.Unlock()
	for _, ev := range told {
		l.post(ev)
	}
	return busy
}

// play sends the next frame of the sound, unless a digit or a clip stands in its place. It returns false when nothing plays.
func (o *outbound) play(music loop, due time.Duration) bool {
	playing, ok := o.loop(o.sound, music)
	if !ok {
		return false
	}
	o.owes = false
	went := 2
	if !o.frozen && !o.clipped() {
		went = o.sendNext(playing, o.at, 2, due)
	}
	o.at = (o.at + went) % (2 * playing.frames())
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
func (o *outbound) cross(music loop, due time.Duration) {
	playing, ok := o.loop(o.bridge, music)
	if ok && !o.frozen && !o.clipped() {
		o.sendNext(playing, o.bridgeAt%(2*playing.frames()), 2, due)
	}
	o.bridge = callstate.Nothing
}

// begin sends the first frame of a sound that has taken the place of a feed, if the next tick, which else would, is later
// than 20 ms after the feed's last packet. Where the feed had said nothing for longer than a packet lasts, nobody waits.
func (o *outbound) begin(music loop, next, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last := o.line.At(); o.owes && next > last+dtmf.Slot+time.Millisecond && now <= last+3*dtmf.Slot {
		o.play(music, now)
	}
	o.owes = false
}

// sendNext sends what comes next in a loop, most half frames at most, and returns how many it sent: 2, or only one where the
// stream is ahead of the time, so that it is in step again soon; none where it is too far ahead.
func (o *outbound) sendNext(playing loop, at, most int, due time.Duration) (halves int) {
	if o.line.Ahead(due) >= dtmf.Slot/2 {
		most = min(most, 1)
	}
	s, fate := o.line.Next(uint32(most*tone.Frame/2), due)
	if fate != timeline.Placed {
		return 0
	}
	o.sendFrame(playing, at, most, s)
	return most
}

// sendFrame sends so many half frames of a loop, which goes round and round, from those on that begins at so many.
func (o *outbound) sendFrame(playing loop, at, halves int, s timeline.Stamp) {
	payload := o.room()[headerSize:][:halves*tone.Frame/2]
	switch o.agreed.kind {
	case codec.PCMU:
		around(payload, playing.law[tone.MuLaw], at*tone.Frame/2)
	case codec.PCMA:
		around(payload, playing.law[tone.ALaw], at*tone.Frame/2)
	default:
		var pcm [tone.WideFrame]int16
		samples := pcm[:halves*tone.WideFrame/2]
		around(samples, playing.wide, at*tone.WideFrame/2)
		o.coder.Encode(payload, samples)
		o.made = o.coder.Kind().Remembers()
		if o.feed != nil && o.feed.how == callstate.Relayed { // a key's tone in a phone's own stream
			o.settle = settleTime
		}
	}
	o.send(o.room()[:headerSize+len(payload)], o.agreed.pt, s)
}

// around fills dst from a loop.
func around[T any](dst, loop []T, at int) {
	n := copy(dst, loop[at:])
	copy(dst[n:], loop)
}
