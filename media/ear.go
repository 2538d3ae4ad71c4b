package media

import (
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/tone"
)

// ear listens for the tones of keys in what a leg's phone sends. It hears the leg as a mix does, so that packets out of
// order or late are put right before, and what is lost is bridged.
type ear struct {
	leg   *leg
	noted bool // that the leg cannot be heard; under Engine.wire

	mu       sync.Mutex  // taken like that of an outbound
	source   *mix.Source // written under Engine.wire as well; nil: silence
	detector dtmf.Inband
	off      bool
}

// listenFor gives a leg an ear, or takes it away. Called with wire held.
func (l *leg) listenFor(keys bool) {
	switch {
	case keys && l.ear == nil:
		l.ear = &ear{leg: l}
		l.openEar()
		l.e.clock.want(l.ear)
	case !keys && l.ear != nil:
		l.ear.mu.Lock()
		l.ear.off, l.ear.source = true, nil
		l.ear.mu.Unlock()
		l.ear = nil
		l.reroute()
	}
}

// openEar gives a leg's ear what is to be heard of it now. Called with wire held.
func (l *leg) openEar() {
	if l.ear == nil {
		return
	}
	var source *mix.Source
	switch a := l.agreed.Load(); {
	case a.off(): // or not negotiated yet
	case a.kind != codec.None:
		source = l.mixed(a.kind)
	case !l.ear.noted:
		l.ear.noted = true
		l.e.cfg.Log.Warn("media: no keys can be heard in a leg", "leg", l.id.String(), "codec", a.codec.Name)
	}
	l.ear.mu.Lock()
	l.ear.source = source
	l.ear.mu.Unlock()
}

// tick listens to 20 ms.
func (x *ear) tick(slot uint64, _, now time.Duration) (busy bool) {
	defer x.leg.caught("listening for keys")
	key, over, busy := x.hear(slot, now)
	if over {
		x.leg.tellTone(key)
	}
	return busy
}

func (x *ear) hear(slot uint64, now time.Duration) (key dtmf.Digit, over, busy bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.off {
		return dtmf.Digit{}, false, false
	}
	var frame []int16
	if x.source != nil {
		frame = x.source.Frame(slot, tone.Rate, now)
	}
	key, over = x.detector.Feed(frame)
	return key, over, true
}

// tellTone tells of a key that was heard. A phone that sends events as well is not asked twice (edge case D7). The tones
// have passed to whoever hears the leg (D10).
func (l *leg) tellTone(d dtmf.Digit) {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	if !l.in.events {
		l.post(callstate.DigitReceived{On: l.on(), Digit: dtmf.Key(d.Event), Duration: d.Duration, Via: callstate.ByInband, Passed: true})
	}
}
