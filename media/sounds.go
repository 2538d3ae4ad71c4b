package media

import (
	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/tone"
)

var sounds = map[callstate.Sound]tone.Kind{
	callstate.Silence: tone.Silence, callstate.Ringback: tone.Ringback, callstate.BusyTone: tone.Busy,
	callstate.Music: tone.Music, callstate.DialTone: tone.Dial,
}

// loop is a sound in the forms in which it is played: as it is sent in G.711, and for G.722, whose encoder must have
// made all of a stream, as samples at 16000 Hz. All are whole frames; those that nobody wants may be missing.
type loop struct {
	law  [2][]byte
	wide []int16
}

func (l loop) frames() int {
	return max(len(l.law[tone.MuLaw])/tone.Frame, len(l.law[tone.ALaw])/tone.Frame, len(l.wide)/tone.WideFrame)
}

// loopOf is a built-in sound for a codec.
func loopOf(sound tone.Kind, k codec.Kind) (l loop) {
	switch k {
	case codec.PCMU:
		l.law[tone.MuLaw] = tone.Loop(sound, tone.MuLaw)
	case codec.PCMA:
		l.law[tone.ALaw] = tone.Loop(sound, tone.ALaw)
	case codec.G722:
		l.wide = tone.Wide(sound)
	}
	return l
}

func silent(k codec.Kind) loop { return loopOf(tone.Silence, k) }

// key is the tone of a key for a codec.
func key(k codec.Kind, code uint8) (l loop) {
	switch k {
	case codec.PCMU:
		l.law[tone.MuLaw] = tone.Key(code, tone.MuLaw)
	case codec.PCMA:
		l.law[tone.ALaw] = tone.Key(code, tone.ALaw)
	case codec.G722:
		l.wide = tone.WideKey(code)
	}
	return l
}
