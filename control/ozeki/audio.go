package ozeki

import (
	"context"
	"strconv"
	"time"

	"ringdown/callstate"
)

const (
	soundTimeout = 15 * time.Second // to read a file or to speak a text
	usualHertz   = 1000             // of Beep
	usualBeep    = 500 * time.Millisecond
)

// playFile is Play (spec ozeki 8.12).
func (a *API) playFile(ctx context.Context, o *order) *reply {
	bad := invalidParameter(audioFile.name, o.sent)
	return a.sound(ctx, o, bad, func(ctx context.Context) (callstate.Clip, error) {
		return a.sounds.File(ctx, o.v[audioFile.name])
	})
}

// speak is Speak (spec ozeki 8.13): where nothing can be spoken that is a fault, never silence. Speech that goes on ends
// (edge case A7).
func (a *API) speak(ctx context.Context, o *order) *reply {
	r := a.sound(ctx, o, inappropriate(o.sent), func(ctx context.Context) (callstate.Clip, error) {
		return a.sounds.Speech(ctx, Speech{Text: o.v[speechText.name], Language: o.v[language.name], Voice: o.v[voice.name]})
	})
	if r.code == codeInappropriate && o.script == nil {
		if s := a.sessions.of(o.call); s != nil {
			s.fault(faultOf(r, o.row.name))
		}
	}
	return r
}

// beep is Beep (spec ozeki 9.4).
func (a *API) beep(ctx context.Context, o *order) *reply {
	hz, long := usualHertz, usualBeep
	if text := o.v[frequency.name]; text != "" {
		hz, _ = strconv.Atoi(text)
	}
	if text := o.v[beepLength.name]; text != "" {
		s, _ := strconv.ParseFloat(text, 64)
		long = time.Duration(s * float64(time.Second))
	}
	return a.sound(ctx, o, inappropriate(o.sent), func(context.Context) (callstate.Clip, error) { return a.sounds.Beep(hz, long) })
}

// sound plays what prepare makes ready, which takes no time of the call's. A URL request is answered when it begins, a
// script goes on when it has ended. bad is the answer when there is nothing to play.
func (a *API) sound(ctx context.Context, o *order, bad *reply, prepare func(context.Context) (callstate.Clip, error)) *reply {
	if a.sounds == nil {
		r := inappropriate(o.sent)
		r.reason = "no audio can be made"
		return r
	}
	if o.script == nil {
		ctx = context.WithoutCancel(ctx) // edge case A5
	}
	bounded, cancel := context.WithTimeout(ctx, soundTimeout)
	clip, err := prepare(bounded)
	cancel()
	if ctx.Err() != nil { // no fault of the audio's
		return stopped()
	}
	if err != nil {
		bad.reason = brief(err.Error())
		return bad
	}
	r := a.ask(ctx, o, callstate.Play{To: callstate.Side(o.v[party.name]), Clip: clip, Wait: o.script != nil,
		Repeat: o.v[repeat.name] == "true", Limit: secondsOf(o.v[playLimit.name])})
	if ctx.Err() == nil {
		return r
	}
	a.stopAt(o.call, callstate.StopPlay{})
	return stopped()
}

// stopped is the outcome of an element whose time has ended before it.
func stopped() *reply {
	r := success()
	r.reason = "stopped"
	return r
}

// stopAt gives a request that ends something to a call; when the call is over, so is that.
func (a *API) stopAt(call callstate.CallID, req callstate.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), a.timeout)
	defer cancel()
	if err := a.calls.Do(ctx, call, req); err != nil {
		a.log.Debug("nothing is left to stop", "call", uint64(call), "err", err)
	}
}
