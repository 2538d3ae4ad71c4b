package main

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// recorded is a recording as an application gets it.
type recorded struct {
	notification
	pcm []int16 // at 8000 Hz
}

// recorder has the switch record a call, and remembers what the file should hold.
type recorder struct {
	*rig
	began time.Time
	want  []stretch
}

// stretch is a time of a recording, and who is heard then.
type stretch struct {
	at    time.Duration
	tones []int
}

// recording has the call of an id recorded, to be told at /done.
func (r *rig) recording(id string, more ...string) *recorder {
	r.Helper()
	r.must("Record", append([]string{"CallId", id, "FinishedUrl", applicationAt + "/done"}, more...)...)
	return &recorder{rig: r, began: time.Now()}
}

// says notes that these tones alone are said now, for a while.
func (x *recorder) says(tones ...int) {
	x.Helper()
	x.pass(500 * time.Millisecond)
	x.want = append(x.want, stretch{time.Since(x.began) - 100*time.Millisecond, tones})
}

// complete waits for the end of the recording, which was to be now, and compares what is in the file.
func (x *recorder) complete() recorded {
	x.Helper()
	long := time.Since(x.began)
	got := x.completed("/done")
	x.lasts(got, long, 60*time.Millisecond)
	for _, s := range x.want {
		x.same(fmt.Sprintf("what is said at %v", s.at), got.heard(s.at), s.tones)
	}
	return got
}

// lasts compares the length of a recording, in the file and as the application is told; most is what it may differ by.
func (r *rig) lasts(got recorded, long, most time.Duration) {
	r.Helper()
	file := time.Duration(len(got.pcm)) * time.Second / 8000
	r.that((file-long).Abs() <= most, "the file lasts %v, it was recorded for %v", file, long)
	told, err := time.ParseDuration(got.Get("Duration") + "s")
	r.ok(err)
	r.that((told-file).Abs() <= time.Millisecond, "the application is told of %v, the file lasts %v", told, file)
}

// heard lists the tones in the 200 ms around a time.
func (r recorded) heard(at time.Duration) []int {
	from := max(0, int((at-100*time.Millisecond)/time.Millisecond)*8)
	return phone.TonesIn(r.pcm[min(from, len(r.pcm)):min(from+1600, len(r.pcm))])
}

// completed waits until the application is told at a path that a recording is complete, and fetches it.
func (r *rig) completed(path string) recorded {
	r.Helper()
	var n notification
	r.soon(20*time.Second, "RecordCompleted at "+path, func() bool {
		all := r.app.taken()
		i := slices.IndexFunc(all, func(n notification) bool { return n.path == path })
		if i >= 0 {
			n = all[i]
		}
		return i >= 0
	})
	r.same("NotificationName", n.Get("NotificationName"), "RecordCompleted")
	w := r.fetch(n.Get("RecordURL"), demoHTTPUser, string(demoHTTPPassword))
	r.same("the answer to "+n.Get("RecordURL"), w.Code, http.StatusOK)
	b := w.Body.Bytes()
	r.that(len(b) > 44 && string(b[:4]) == "RIFF" && string(b[8:16]) == "WAVEfmt ", "no WAV file: %.60q", b)
	format := b[20:36]
	r.same("format, channels, rate, bits", [4]uint32{uint32(binary.LittleEndian.Uint16(format)), uint32(binary.LittleEndian.Uint16(format[2:])),
		binary.LittleEndian.Uint32(format[4:]), uint32(binary.LittleEndian.Uint16(format[14:]))}, [4]uint32{1, 1, 8000, 16})
	i := strings.Index(string(b), "data")
	size := int(binary.LittleEndian.Uint32(b[i+4:]))
	r.same("bytes of audio", len(b)-i-8, size)
	got := recorded{n, make([]int16, size/2)}
	for k := range got.pcm {
		got.pcm[k] = int16(binary.LittleEndian.Uint16(b[i+8+2*k:]))
	}
	return got
}

// fetch asks the API for a file, with the name and the password of a user unless they are empty.
func (r *rig) fetch(address, user, password string) *httptest.ResponseRecorder {
	r.Helper()
	u, err := url.Parse(address)
	r.ok(err)
	q := httptest.NewRequestWithContext(r.ctx, http.MethodGet, u.RequestURI(), nil)
	if user != "" {
		q.SetBasicAuth(user, password)
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, q)
	return w
}

// records gives the switch a media folder, and has the rig's application told.
func records(t testing.TB) func(*Config) {
	play := clips(t, 1)
	return func(c *Config) { notify(c); c.Ozeki.Notify.CallChanged = ""; play(c) }
}

// A8, T37: a recording goes on through whatever becomes of the call: one file from Record to the end of the call, with
// whoever were the parties.
func TestRecord_A8_T37_GoesOn(t *testing.T) {
	for name, play := range map[string]func(x *consulted, rec *recorder, id string){
		"nothing": func(*consulted, *recorder, string) {},
		"Hold": func(x *consulted, rec *recorder, id string) {
			x.must("Hold", "CallId", id)
			x.pass(time.Second)
			x.must("Unhold", "CallId", id)
			x.hear(x.a, bobTone, x.first, aliceTone)
		},
		"a phone holds": func(x *consulted, rec *recorder, _ string) {
			x.first.Media.Stop()
			x.ok(x.first.Hold(x.ctx, phone.SendOnly))
			rec.says(aliceTone)
			x.ok(x.first.Resume(x.ctx))
			x.first.Media.SendTone(bobTone)
		},
		"digits are pressed": func(x *consulted, rec *recorder, _ string) {
			x.ok(x.a.Media.SendDigit4733('5', 200))
			x.ok(x.first.Media.WaitDigits(x.ctx, "5"))
			x.must("SendDTMF", "CallId", x.only().CallID, "Party", "all", "Keys", "77")
			x.ok(x.a.Media.WaitDigits(x.ctx, "77"))
		},
		"BlindTransfer": func(x *consulted, rec *recorder, id string) {
			x.must("BlindTransfer", "CallId", id, "TransferorParty", "callee", "Target", "2002")
			x.c = x.rung(x.carol)
			x.ringback(x.a)
			x.ok(x.c.Answer())
			x.ends(x.first)
		},
		"BlindTransfer of the caller": func(x *consulted, rec *recorder, id string) {
			x.must("BlindTransfer", "CallId", id, "TransferorParty", "caller", "Target", "2002")
			x.c = x.rung(x.carol)
			x.ok(x.c.Answer())
			x.ends(x.a)
			x.c.Media.SendTone(carolTone)
			x.hear(x.c, bobTone, x.first, carolTone)
			rec.says(bobTone, carolTone)
			x.a, x.c = x.c, nil
		},
		"REFER with Replaces": func(x *consulted, rec *recorder, _ string) {
			x.consult(true)
			x.refer(x.first, x.second)
			x.ends(x.first, x.second)
		},
		"a take-over": func(x *consulted, rec *recorder, _ string) {
			second := x.takes(x.unregistered("2001"), x.first.Replaces())
			x.ok(second.WaitAnswer(x.ctx))
			x.ends(x.first)
			x.c = second
		},
	} {
		scene2(t, name, func(r *rig) {
			x := meet(r, false)
			id := r.only().CallID
			rec := r.recording(id)
			rec.says(aliceTone, bobTone)
			play(x, rec, id)
			switch {
			case x.c != nil:
				x.tones(x.a, aliceTone, x.c, carolTone)
				rec.says(aliceTone, carolTone)
			case x.a.Active() && x.first.Active() && len(rec.want) < 2:
				rec.says(aliceTone, bobTone)
			}
			rec.pass(13 * time.Millisecond)
			r.must("Hangup", "CallId", id)
			got := rec.complete()
			r.same("what the application is told", [3]string{got.Get("CallId"), got.Get("Format"), got.Get("RecordUrl")}, [3]string{id, "wav", got.Get("RecordURL")})
			r.that(strings.HasPrefix(got.Get("RecordURL"), "http://192.0.2.1:9509/recordings/"+id), "RecordURL %q", got.Get("RecordURL"))
			r.same("notifications", r.app.names(), []string{"RecordCompleted"})
		}, records(t))
	}
}

// A8, T37: a recording ends with its call also where its parties go on in another one, which is recorded on its own: the
// application has a file of each.
func TestRecord_A8_T37_HandedOver(t *testing.T) {
	scene(t, func(r *rig) {
		x := meet(r, false)
		rec := r.recording(r.only().CallID)
		rec.says(aliceTone, bobTone)
		x.consult(true)
		_, second := x.ids()
		r.must("Record", "CallId", second, "FinishedUrl", applicationAt+"/second")
		other := &recorder{rig: r, began: time.Now()}
		other.says(bobTone, carolTone)
		x.refer(x.second, x.first)
		rec.pass(10 * time.Millisecond) // until it has come
		rec.complete()
		x.ends(x.first, x.second)
		x.tones(x.a, aliceTone, x.c, carolTone)
		other.says(aliceTone, carolTone)
		r.ok(x.a.Hangup())
		r.ends(x.c)
		got := r.completed("/second")
		r.same("CallId", got.Get("CallId"), second)
		for _, s := range other.want {
			r.same(fmt.Sprintf("what is said at %v", s.at), got.heard(s.at), s.tones)
		}
	}, records(t))
}

// A8: a consultation that the PBX makes: who waits is not recorded until it talks again; of three all are heard.
func TestRecord_A8_Consultation(t *testing.T) {
	yeastarScene(t, func(y *yeastarApp) {
		alice, bob, carol := y.three()
		a, b := y.talk(alice, "2001", bob)
		rec := y.recording(y.only().CallID)
		rec.says(aliceTone, bobTone)
		operate := func(how string) {
			y.Helper()
			y.does(y.transfer("attended", "2001", how))
			y.pass(300 * time.Millisecond)
		}
		operate(`"number":"2002","dial_permission":"2001"`)
		c := y.rung(carol)
		y.ok(c.Answer())
		y.tones(b, bobTone, c, carolTone)
		rec.says(bobTone, carolTone)
		operate(`"attended_operate":"swap"`)
		y.hear(a, bobTone, b, aliceTone)
		rec.says(aliceTone, bobTone)
		operate(`"attended_operate":"threeway"`)
		rec.says(aliceTone, bobTone, carolTone)
		y.ok(b.Hangup())
		y.hear(a, carolTone, c, aliceTone)
		rec.says(aliceTone, carolTone)
		y.ok(a.Hangup())
		y.pass(5 * time.Millisecond)
		y.ends(c)
		rec.complete()
	}, records(t))
}

// T31: phones that talk Opus, which media cannot read, are moved to a codec that it can before they are recorded. Where one
// of the two has none, both go on talking as they did, and whoever asked is told that there is nothing to record.
func TestRecord_T31_Opus(t *testing.T) {
	scene2(t, "another codec is there", func(r *rig) {
		both := codecs("opus", "PCMU")
		alice, bob := r.phone("2000", both), r.phone("2001", both)
		a, b := r.talk(alice, "2001", bob)
		r.same("codec", a.Media.Codec().Name, "opus")
		id := r.only().CallID
		rec := r.recording(id)
		r.same("codecs", a.Media.Codec().Name+" "+b.Media.Codec().Name, "PCMU PCMU")
		r.hear(a, bobTone, b, aliceTone)
		rec.says(aliceTone, bobTone)
		r.must("Hangup", "CallId", id)
		rec.complete()
	}, records(t))
	for name, can := range map[string][2][]string{
		"neither has another": {{"opus"}, {"opus"}},
		"the callee has none": {{"opus", "PCMU"}, {"opus"}},
		"the caller has none": {{"opus"}, {"opus", "PCMU"}},
	} {
		for _, party := range []string{"all", "caller", "callee"} {
			scene2(t, name+", "+party, func(r *rig) {
				alice, bob := r.phone("2000", codecs(can[0]...)), r.phone("2001", codecs(can[1]...))
				a, b := r.talk(alice, "2001", bob)
				got := r.do("Record", "CallId", r.only().CallID, "FinishedUrl", applicationAt+"/done", "Party", party)
				r.same("code", got.Code, 303)
				r.pass(500 * time.Millisecond)
				r.same("codecs", a.Media.Codec().Name+" "+b.Media.Codec().Name, "opus opus")
				r.hear(a, bobTone, b, aliceTone)
				if len(can[0]) == 1 { // else she was moved, and moved back
					r.oneStream(a, b)
				}
				r.ok(a.Hangup())
				r.ends(b)
				r.same("notifications", len(r.app.names()), 0)
			}, records(t))
		}
	}
}
