package media

import (
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// codecWait is how long a clip waits on a leg whose codec cannot be made, or which has not negotiated at all: a leg that is
// to hear audio of ours is moved to another codec by a re-INVITE, which takes its time.
const codecWait = 5 * time.Second

// playback is a clip on its way to a phone.
//
//	wanted     PlayClip                 SendDigits                           ClipEnded
//	             |                        |                                   |
//	sent       c0 c1 c2 c3 c4 c5 c6 c7 c8 d d d d d ... c9 c10 c11 c12 ... cn  b7 b8
//	unheard    b0 b1 b2 ...                                                    |
//
// What the leg hears otherwise goes on unheard. While the phone does not listen, time goes on, and nothing is sent.
type playback struct {
	audio  *audio // nil: none plays
	ref    uint32
	repeat bool
	limit  time.Duration // 0: none
	at     int           // half frames that are over

	began time.Duration // its first tick, or -1
	waits time.Duration // since when it cannot be made, or -1
}

// playClip plays a clip to a leg, and ends the one that plays (edge case A7).
func (e *Engine) playClip(c callstate.PlayClip) {
	l := e.find(c.Leg)
	if l == nil {
		e.cfg.Post(callstate.ClipEnded{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, Fail: string(callstate.NoStream)})
		return
	}
	l.stopClip()
	a := e.cfg.Library.take(c.Clip)
	if a == nil {
		l.post(callstate.ClipEnded{On: l.on(), Ref: c.Ref, Fail: "there is no clip " + string(c.Clip) + ", or no longer"})
		return
	}
	e.wire.Lock()
	past := l.relayed()
	e.wire.Unlock()
	p := playback{audio: a, ref: c.Ref, repeat: c.Repeat, limit: c.Limit, began: -1, waits: -1}
	if !l.out.startClip(p, past) { // it has been closed meanwhile
		a.release()
		return
	}
	e.clock.want(l)
}

// stopClip ends the clip of a leg.
func (e *Engine) stopClip(c callstate.StopClip) {
	if l := e.find(c.Leg); l != nil {
		l.stopClip()
	}
}

func (l *leg) stopClip() {
	l.out.mu.Lock()
	ref, played := l.out.endClip()
	l.out.mu.Unlock()
	if played {
		l.post(callstate.ClipEnded{On: l.on(), Ref: ref})
	}
}

// startClip begins a clip. past are the last bytes that went out unchanged, for the encoder to follow.
func (o *outbound) startClip(p playback, past []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if len(past) > 0 {
		o.coder.Follow(past)
	}
	o.clip = p
	return true
}

// endClip ends the clip, and tells which one that was. Called with mu held.
func (o *outbound) endClip() (ref uint32, played bool) {
	if o.clip.audio == nil {
		return 0, false
	}
	ref = o.clip.ref
	o.clip.audio.release()
	o.clip = playback{}
	return ref, true
}

// clipped tells whether a clip takes the place of everything else. Called with mu held.
func (o *outbound) clipped() bool { return o.clip.audio != nil && o.makes() }

// makes tells whether we can make what the phone is to hear; a stream that is off (edge case H4) is one that nobody hears.
func (o *outbound) makes() bool {
	return o.agreed != nil && (o.agreed.off() || o.agreed.kind != codec.None)
}

// checkClip ends the clip when its time is over. Called with mu held, by the clock alone.
func (o *outbound) checkClip(l *leg, now time.Duration, told *[]callstate.Event) {
	p := &o.clip
	if p.audio == nil {
		return
	}
	fail, over := "", false
	if makes := o.makes(); makes {
		if p.waits = -1; p.began < 0 {
			p.began = now
		}
		if end := 2 * p.audio.frames(); p.at >= end {
			p.at, over = p.at-end, !p.repeat
		}
	} else if p.waits < 0 {
		p.waits = now
	} else if now-p.waits >= codecWait {
		fail, over = "nothing was negotiated", true
		if o.agreed != nil {
			fail = "audio cannot be made in " + o.agreed.codec.Name
		}
	}
	if !over && (p.limit <= 0 || p.began < 0 || now-p.began < p.limit) {
		return
	}
	ref, _ := o.endClip()
	*told = append(*told, callstate.ClipEnded{On: l.on(), Ref: ref, Fail: fail})
}

// sendClip sends the next frame of the clip, unless a digit stands in its place: then it waits. Called with mu held, by the
// clock alone.
func (o *outbound) sendClip(due, now time.Duration) {
	p := &o.clip
	switch {
	case !o.clipped() || o.frozen || now < o.eventBusy:
	case !o.open:
		p.at += 2
	case p.repeat:
		p.at += o.sendNext(p.audio.loop, p.at, 2, due)
	default:
		p.at += o.sendNext(p.audio.loop, p.at, min(2, 2*p.audio.frames()-p.at), due)
	}
}
