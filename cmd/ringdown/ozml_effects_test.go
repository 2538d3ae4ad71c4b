package main

import "time"

// effects are what elements do, by the words of the table.
var effects = map[string]func(s *theatre, in situation){
	"forwards":        (*theatre).forwards,
	"digits":          func(s *theatre, in situation) { s.digits("12", 900*time.Millisecond, in) },
	"digit":           func(s *theatre, in situation) { s.digits("1", 200*time.Millisecond, in) },
	"speech":          func(s *theatre, in situation) { s.plays(spokenTone, time.Second, in) },
	"file":            func(s *theatre, in situation) { s.plays(fileTone, time.Second, in) },
	"beep":            func(s *theatre, in situation) { s.plays(bobTone, time.Second/2, in) },
	"unheard":         func(s *theatre, _ situation) { s.unheardFor(time.Second) },
	"unheard half":    func(s *theatre, _ situation) { s.unheardFor(time.Second / 2) },
	"time":            func(s *theatre, _ situation) { s.goesOn(1500 * time.Millisecond) },
	"holds":           (*theatre).holds,
	"resumes":         (*theatre).resumes,
	"ends":            (*theatre).endsAll,
	"transfers":       (*theatre).transfers,
	"rejects":         (*theatre).rejects,
	"input":           (*theatre).input,
	"no input":        func(s *theatre, _ situation) { s.goesOn(6 * time.Second) }, // the prompt takes its time, nobody hears it
	"continues":       (*theatre).continues,
	"ends the script": (*theatre).endsScript,
	"calls":           (*theatre).calls,
	"records":         func(s *theatre, in situation) { s.records(0, in) },
	"records 2s":      func(s *theatre, in situation) { s.records(2*time.Second, in) },
}

// forwards: another phone rings in place of bob's.
func (s *theatre) forwards(situation) {
	d := s.rung(s.dave)
	s.ended(s.b, 487)
	s.goesOn(0)
	s.ok(d.Answer())
	s.ok(s.a.WaitAnswer(s.ctx))
	s.tones(s.a, aliceTone, d, carolTone)
}

// digits: alice gets them, nobody else does, and the script waits for the last.
func (s *theatre) digits(keys string, long time.Duration, _ situation) {
	s.ok(s.a.Media.WaitDigits(s.ctx, keys))
	s.goesOn(long)
	if s.b != nil {
		s.same("what bob got", s.b.Media.DigitString(), "")
		s.hear(s.a, bobTone, s.b, aliceTone)
	}
	s.oneStream(s.a)
}

// plays: alice hears a tone, and nothing else meanwhile; bob goes on hearing alice.
func (s *theatre) plays(hz int, long time.Duration, in situation) {
	s.ok(s.a.Media.WaitTone(s.ctx, hz))
	if hz != bobTone {
		s.unheard(s.a, bobTone)
	}
	if s.goesOn(long); in.ofExtension() {
		s.ended(s.a, 0)
	} else {
		s.hear(s.a, bobTone, s.b, aliceTone)
	}
	s.oneStream(s.a)
}

// unheardFor: the phone holds and hears nothing of it, but it takes its time.
func (s *theatre) unheardFor(long time.Duration) {
	s.goesOn(long)
	for _, hz := range []int{spokenTone, fileTone, bobTone} {
		s.that(!s.a.Media.Hears(hz, long), "%d Hz are heard by a phone that holds", hz)
	}
}

// holds: the parties hear music, and are shown that they are held. That a phone at an API extension hears it too, is in
// TestExtensionTimeline: here the script has ended.
func (s *theatre) holds(in situation) {
	if s.goesOn(0); in.ofExtension() {
		s.ended(s.a, 0)
		return
	}
	s.same("the state", s.only().CallState, "Hold")
	s.pass(500 * time.Millisecond)
	s.music(s.a, s.b)
}

// resumes: they talk again.
func (s *theatre) resumes(situation) {
	s.goesOn(0)
	s.hear(s.a, bobTone, s.b, aliceTone)
	s.same("the state", s.only().CallState, "InCall")
}

// endsAll: all phones are released, and nothing more of the script runs.
func (s *theatre) endsAll(in situation) {
	status := 0
	if in == ringing {
		status = 480
		s.ended(s.b, 487)
	} else if s.b != nil {
		s.ended(s.b, 0)
	}
	s.ended(s.a, status)
	if s.c != nil {
		s.ended(s.c, 487)
	}
	s.faulted()
}

// transfers: dave's phone rings, and alice talks to it once it is answered. Then the script is over.
func (s *theatre) transfers(in situation) {
	d := s.rung(s.dave)
	if in != phoneHolds {
		s.ringback(s.a)
	}
	s.ok(d.Answer())
	if in == phoneHolds {
		s.pass(500 * time.Millisecond)
		s.music(d) // alice still holds
		s.ok(s.a.Resume(s.ctx))
	}
	s.tones(s.a, aliceTone, d, carolTone)
	if s.b != nil {
		s.ended(s.b, 0)
	}
	s.oneStream(s.a, d)
	s.ok(d.Hangup())
	s.ended(s.a, 0)
	s.faulted()
}

// rejects: the caller is refused, was never answered, and nothing else runs.
func (s *theatre) rejects(situation) {
	s.ended(s.a, 603)
	s.same("what the caller was told", statuses(s.a), []int{180, 603})
	s.faulted()
}

// input: the prompt is heard, a key ends it, its branch runs, and what follows.
func (s *theatre) input(situation) {
	s.ok(s.a.Media.WaitTone(s.ctx, fileTone))
	pressed := time.Now()
	s.ok(s.a.Media.SendDigit4733('5', 100))
	s.ok(s.a.Media.WaitTone(s.ctx, bobTone)) // the beep's 1000 Hz
	s.that(time.Since(pressed) < 700*time.Millisecond, "the beep came after %v", time.Since(pressed))
	s.faulted(nextFault)
	s.ended(s.a, 0)
}

// continues: what the application answers takes the place of the rest.
func (s *theatre) continues(in situation) {
	n := s.told("GoTo")
	s.same("where it asked", n.path, "/more")
	s.faulted("302 Missing or invalid parameter 'Url' for command 'GoTo'", nextFault) // nothing came: the rest goes on
	if in.ofExtension() {
		s.ended(s.a, 0)
	}
}

// endsScript: nothing of the rest runs. That hangs up for an API extension, and leaves a call of others alone.
func (s *theatre) endsScript(in situation) {
	if in.ofExtension() {
		s.ended(s.a, 0)
	} else {
		s.pass(time.Second)
		s.undisturbed(in)
	}
	s.faulted()
}

// calls: another phone rings, the script does not wait for it.
func (s *theatre) calls(situation) {
	e := s.rung(s.erin)
	s.goesOn(0)
	s.same("who calls", e.Shows().Number, "9990")
	s.ok(e.Reject(486, "Busy Here"))
	s.ended(e, 486)
	s.faulted(nextFault, "402 Call connect to '2004' failed with result state 'Busy'")
}

// records: there is a file, the application is told where, and an API extension waits for its end.
func (s *theatre) records(long time.Duration, in situation) {
	if s.goesOn(long); in.ofExtension() {
		s.ended(s.a, 0)
	} else {
		s.pass(2 * time.Second)
		s.ok(s.a.Hangup())
	}
	n := s.told("RecordCompleted")
	s.same("where it was told", n.path, "/recorded")
	s.same("how many files there are", len(s.recordings()), 1)
}
