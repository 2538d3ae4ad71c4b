package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
)

// Spec ozeki 8.14: of a party what it says alone, whatever the other one says and a clip plays.
func TestRecord_Party(t *testing.T) {
	for party, tones := range map[string][]int{"caller": {aliceTone}, "callee": {bobTone}, "all": {aliceTone, bobTone}} {
		scene2(t, party, func(r *rig) {
			alice, bob := r.phone("2000", codecs("PCMU")), r.phone("2001", codecs("PCMA"))
			a, b := r.talk(alice, "2001", bob)
			rec := r.recording(r.only().CallID, "Party", party)
			rec.says(tones...)
			r.plays("all") // what is played to the parties is not what they say
			rec.says(tones...)
			r.ok(a.Media.WaitTone(r.ctx, bobTone))
			rec.says(tones...)
			r.must("Hangup", "CallId", r.only().CallID)
			rec.complete()
			r.ends(a, b)
		}, records(t))
	}
}

// One recording at a time (303 for a second); StopRecord ends it before the call, and the next one is a file of its own.
func TestRecord_Again(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.ring(alice, "2001", bob)
		id := r.only().CallID
		r.code(303, "Record", "CallId", id) // it rings
		r.ok(b.Answer())
		r.ok(a.WaitAnswer(r.ctx))
		r.tones(a, aliceTone, b, bobTone)
		r.must("StopRecord", "CallId", id) // nothing to stop
		rec := r.recording(id, "Format", "mp3", "RecordPath", "calls/today/")
		rec.says(aliceTone, bobTone)
		r.code(303, "Record", "CallId", id, "FinishedUrl", applicationAt+"/never")
		r.must("StopRecord", "CallId", id)
		first := rec.complete()
		r.same("state", r.only().CallState, "InCall")
		r.same("Format", first.Get("Format"), "wav") // there is no encoder of MP3, and it says so
		r.that(strings.Contains(first.Get("RecordURL"), "/recordings/calls/today/"+id+"-"), "RecordURL %q", first.Get("RecordURL"))
		a.Media.SendTone(carolTone)
		r.ok(b.Media.WaitTone(r.ctx, carolTone))
		r.must("Record", "CallId", id, "FinishedUrl", applicationAt+"/second")
		rec = &recorder{rig: r, began: time.Now()}
		rec.says(bobTone, carolTone)
		r.ok(b.Hangup())
		r.pass(5 * time.Millisecond)
		long := time.Since(rec.began)
		second := r.completed("/second")
		r.lasts(second, long, 60*time.Millisecond)
		r.same("what is said", second.heard(rec.want[0].at), []int{bobTone, carolTone})
		r.that(first.Get("RecordURL") != second.Get("RecordURL"), "both are %s", first.Get("RecordURL"))
		r.ends(a)
		r.same("notifications", r.app.names(), []string{"RecordCompleted", "RecordCompleted"})
		r.code(601, "StopRecord", "CallId", id)
		r.code(601, "Record", "CallId", id)
	}, records(t))
}

// X18: a recording is given to users of the API alone, by a name that nobody can guess, and nothing else is; parts of it
// can be had.
func TestRecord_X18_Download(t *testing.T) {
	scene(t, func(r *rig) {
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		id := r.only().CallID
		for _, path := range []string{"../up", "/etc", "a/../../b", "a//b", ".hidden", "a\\b", "a\x00b"} {
			r.code(302, "Record", "CallId", id, "RecordPath", path)
		}
		rec := r.recording(id)
		rec.says(aliceTone, bobTone)
		r.ok(a.Hangup())
		r.ends(b)
		address := rec.completed("/done").Get("RecordURL")
		for _, x := range []struct {
			address, user, password string
			code                    int
		}{
			{address, "", "", http.StatusUnauthorized},
			{address, demoHTTPUser, "wrong", http.StatusUnauthorized},
			{address, "nobody", string(demoHTTPPassword), http.StatusUnauthorized},
			{address + "?Username=" + demoHTTPUser + "&Password=" + string(demoHTTPPassword), "", "", http.StatusOK},
			{address, demoHTTPUser, string(demoHTTPPassword), http.StatusOK},
			{strings.Replace(address, id, "xxxxxx", 1), demoHTTPUser, string(demoHTTPPassword), http.StatusNotFound},
			{"http://x/recordings/../540.wav", demoHTTPUser, string(demoHTTPPassword), http.StatusNotFound},
			{"http://x/recordings/..%2f540.wav", demoHTTPUser, string(demoHTTPPassword), http.StatusNotFound},
			{"http://x/recordings/", demoHTTPUser, string(demoHTTPPassword), http.StatusNotFound},
			{"http://x/540.wav", demoHTTPUser, string(demoHTTPPassword), http.StatusNotFound},
		} {
			w := r.fetch(x.address, x.user, x.password)
			r.same("the answer to "+x.address, w.Code, x.code)
			r.that(x.code == http.StatusOK || !strings.Contains(w.Body.String(), "RIFF"), "audio comes with %d", x.code)
		}
	}, records(t))
}

// Where nothing can be recorded whoever asks is told at once, and the call goes on; so does the next recording once it can.
func TestRecord_Folder(t *testing.T) {
	talks := func(r *rig, do func(id string)) {
		r.Helper()
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		do(r.only().CallID)
		r.pass(300 * time.Millisecond)
		r.hear(a, bobTone, b, aliceTone)
		r.oneStream(a, b)
		r.ok(a.Hangup())
		r.ends(b)
	}
	scene2(t, "none is configured", func(r *rig) {
		talks(r, func(id string) {
			r.code(303, "Record", "CallId", id)
			r.code(302, "Play", "CallId", id, "AudioFile", "540.wav", "Party", "all")
		})
	}, func(c *Config) { c.Media.Folder = "" })
	missing := filepath.Join(t.TempDir(), "disk", "media")
	if err := os.Mkdir(filepath.Dir(missing), 0o700); err != nil {
		t.Fatal(err)
	}
	scene2(t, "it is missing", func(r *rig) {
		talks(r, func(id string) {
			r.ok(os.Remove(filepath.Dir(missing)))
			r.code(303, "Record", "CallId", id, "FinishedUrl", applicationAt+"/done")
			r.ok(os.Mkdir(filepath.Dir(missing), 0o700)) // the disk is back
			rec := r.recording(id)
			rec.says(aliceTone, bobTone)
			r.must("StopRecord", "CallId", id)
			rec.complete()
		})
		r.same("notifications", r.app.names(), []string{"RecordCompleted"})
	}, notifyNothing, func(c *Config) { c.Media.Folder = missing })
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "recordings"), nil, 0o600); err != nil { // as for one who may not write, also for root
		t.Fatal(err)
	}
	scene2(t, "it cannot be written", func(r *rig) {
		talks(r, func(id string) { r.code(303, "Record", "CallId", id, "FinishedUrl", applicationAt+"/done") })
		r.same("notifications", len(r.app.names()), 0)
	}, notifyNothing, func(c *Config) { c.Media.Folder = blocked })
}

// notifyNothing has the rig's application be there, and told of what commands ask for alone.
func notifyNothing(c *Config) { notify(c); c.Ozeki.Notify.CallChanged = "" }

// A8: the switch stops while a call is recorded: the file is complete, and the application is told.
func TestRecord_A8_SwitchStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := memRig(t, memnet.Options{Delay: 5 * time.Millisecond}, records(t))
		alice, bob, _ := r.three()
		a, b := r.talk(alice, "2001", bob)
		rec := r.recording(r.only().CallID)
		rec.says(aliceTone, bobTone)
		r.sw.Stop(stopped())
		rec.complete()
		r.ends(a, b)
		r.same("recordings that are left", r.sw.engine.Stats().Tapes+r.ozeki.Counts().Recordings, 0)
	})
}

// Many calls are recorded at once, each into its own file.
func TestRecord_Many(t *testing.T) {
	scene(t, func(r *rig) {
		var all []*phone.Call
		var recs []*recorder
		for i := range 4 {
			number := fmt.Sprint(2001 + 2*i)
			from, to := r.phone(fmt.Sprint(2000+2*i)), r.phone(number)
			a, b := r.connect(from, number, to)
			r.tones(a, 500+100*i, b, 2000+100*i)
			call := r.list()[i]
			r.must("Record", "CallId", call.CallID, "FinishedUrl", applicationAt+"/"+number)
			recs = append(recs, &recorder{rig: r, began: time.Now()})
			all = append(all, a, b)
		}
		for i, rec := range recs {
			rec.says(500+100*i, 2000+100*i)
		}
		for i, rec := range recs {
			r.ok(all[2*i].Hangup())
			r.ends(all[2*i+1])
			r.same("what is said", r.completed(fmt.Sprint("/", 2001+2*i)).heard(rec.want[0].at), rec.want[0].tones)
		}
	}, records(t))
}
