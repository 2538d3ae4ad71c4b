package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// dictation is a voice mailbox: 540 Hz, a beep, a recording, 820 Hz.
func dictation(how string) string {
	return script(`<Play>540.wav</Play>`, `<Beep Duration="0.2"/>`, `<Record FinishedUrl="/done" `+how+`/>`, `<Play>820.wav</Play>`)
}

// dictates calls 9990 and waits until its recording has begun.
func (r *rig) dictates(from *phone.Phone) (*phone.Call, *recorder) {
	r.Helper()
	a := r.reception(from)
	a.Media.SendTone(aliceTone)
	r.ok(a.Media.WaitTone(r.ctx, clipTone))
	r.ok(a.Media.WaitTone(r.ctx, 1000)) // the beep
	r.soon(time.Second, "a recording", func() bool { return r.sw.engine.Stats().Tapes == 1 })
	return a, &recorder{rig: r, began: time.Now()}
}

// Spec ozeki 8.14: in a script of an API extension Record lasts until its time is over, nobody has spoken for so long, one of
// its keys is pressed, however the phone sends it, or the caller hangs up; then the script goes on. What was played to
// the caller is not in the file.
func TestRecord_Dictation(t *testing.T) {
	for name, x := range map[string]struct {
		how  string
		end  func(r *rig, a *phone.Call) // nil: by itself
		long time.Duration               // what the script waits beside, before that
	}{
		"Duration":             {`Duration="2"`, nil, 2 * time.Second},
		"Inactivity":           {`Inactivity="3"`, func(r *rig, a *phone.Call) { a.Media.SendSilence(); r.pass(3 * time.Second) }, 0},
		"Duration, no silence": {`Duration="4" Inactivity="2"`, nil, 4 * time.Second},
		"one of FinishDigits": {`FinishDigits="12#"`, func(r *rig, a *phone.Call) {
			for _, key := range "5*2" { // the first two do not end it
				r.ok(a.Media.SendDigit4733(key, 100))
				r.ok(a.Media.WaitSent(r.ctx))
			}
		}, 0},
		"StopRecord": {``, func(r *rig, a *phone.Call) { r.must("StopRecord", "CallId", r.only().CallID) }, 0},
	} {
		scene2(t, name, func(r *rig) {
			r.app.answers(map[string]string{"/ivr": dictation(x.how)})
			a, rec := r.dictates(r.phone("2000"))
			rec.says(aliceTone)
			if x.end != nil {
				x.end(r, a)
			} else {
				r.pass(x.long - time.Since(rec.began))
			}
			long := time.Since(rec.began)
			r.ok(a.Media.WaitTone(r.ctx, nextTone))
			got := r.completed("/done")
			r.lasts(got, long, 150*time.Millisecond)
			r.same("what is said", got.heard(rec.want[0].at), []int{aliceTone})
			for at := 100 * time.Millisecond; at < 400*time.Millisecond; at += 100 * time.Millisecond {
				r.same("what is said at the begin", got.heard(at), []int{aliceTone})
			}
			r.ended(a, 0)
			r.oneStream(a)
		}, records(t))
	}
	for way, by := range ways {
		scene2(t, "a key by "+way, func(r *rig) {
			r.app.answers(map[string]string{"/ivr": dictation(`FinishDigits="#"`)})
			a, rec := r.dictates(r.phone("2000", by.config))
			rec.says(aliceTone)
			if way == "in-band" {
				a.Media.SendSilence() // nobody whistles while he presses a key
			}
			by.press(r, a, '#')
			r.ok(a.Media.WaitTone(r.ctx, nextTone))
			got := r.completed("/done")
			r.same("what is said", got.heard(rec.want[0].at), []int{aliceTone})
			r.ended(a, 0)
		}, records(t))
	}
	for _, who := range []string{"the caller", "the API"} {
		scene2(t, who+" hangs up", func(r *rig) {
			r.app.answers(map[string]string{"/ivr": dictation(`FinishDigits="#"`), "/done": script(`<Play>540.wav</Play>`)})
			a, rec := r.dictates(r.phone("2000"))
			rec.says(aliceTone)
			if who == "the caller" {
				r.ok(a.Hangup())
				r.pass(5 * time.Millisecond)
			} else {
				r.must("Hangup", "CallId", r.only().CallID)
			}
			rec.complete()
			r.ends(a)
		}, records(t))
	}
}
