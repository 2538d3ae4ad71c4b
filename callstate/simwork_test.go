package callstate

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// job is one thing that can happen next.
type job struct {
	what int
	leg  *simLeg
	call *simCall
}

const (
	jobCarryOut = iota // sip carries out a command
	jobFromSIP         // an event of sip arrives
	jobMedia           // media carries out a command
	jobFromMedia
	jobAnswerOurs // a phone answers our re-INVITE
	jobLift       // a key is let go
	jobLocate
	jobLate
	jobClipEnds // a clip has been played to its end
	jobRecord   // media carries out a command about a recording
	jobRecorded // and tells of it
)

func (s *sim) work() (jobs []job) {
	for _, id := range s.order {
		l := s.legs[id]
		if len(l.toSIP) > 0 {
			jobs = append(jobs, job{what: jobCarryOut, leg: l})
		}
		if len(l.fromSIP) > 0 && !s.onTheWay(l.fromSIP[0]) {
			jobs = append(jobs, job{what: jobFromSIP, leg: l})
		}
		if len(l.toMedia) > 0 {
			jobs = append(jobs, job{what: jobMedia, leg: l})
		}
		if len(l.fromMedia) > 0 && !s.transit[l.id] {
			jobs = append(jobs, job{what: jobFromMedia, leg: l})
		}
		if l.ours != nil && l.phase == simUp {
			jobs = append(jobs, job{what: jobAnswerOurs, leg: l})
		}
		if l.keys.pressing != nil {
			jobs = append(jobs, job{what: jobLift, leg: l})
		}
	}
	if len(s.locates) > 0 {
		jobs = append(jobs, job{what: jobLocate})
	}
	if len(s.late) > 0 {
		jobs = append(jobs, job{what: jobLate})
	}
	return s.playWork(jobs)
}

func (s *sim) do(j job) {
	switch j.what {
	case jobCarryOut:
		cmd := j.leg.toSIP[0]
		j.leg.toSIP = j.leg.toSIP[1:]
		s.sip(j.leg, cmd)
	case jobFromSIP:
		ev := j.leg.fromSIP[0]
		j.leg.fromSIP = j.leg.fromSIP[1:]
		s.deliver(ev)
	case jobMedia:
		cmd := j.leg.toMedia[0]
		j.leg.toMedia = j.leg.toMedia[1:]
		s.media(j.leg, cmd)
	case jobFromMedia:
		ev := j.leg.fromMedia[0]
		j.leg.fromMedia = j.leg.fromMedia[1:]
		s.deliver(ev)
	case jobAnswerOurs:
		s.answerOurs(j.leg)
	case jobLift:
		s.lift(j.leg)
	case jobLocate:
		i := s.rng.IntN(len(s.locates))
		ev := s.locates[i]
		s.locates = slices.Delete(s.locates, i, i+1)
		s.deliver(ev)
	case jobLate:
		i := s.rng.IntN(len(s.late))
		ev := s.late[i]
		s.late = slices.Delete(s.late, i, i+1)
		s.deliver(ev)
	default:
		s.doPlay(j)
	}
}

// deliver gives one event to its call and hands its commands out.
func (s *sim) deliver(ev Event) {
	if s.failed() || !s.find(ev) {
		return
	}
	if len(s.log) == s.copyAt {
		s.twin = copyOf(s.call)
	}
	s.log = append(s.log, ev)
	s.now.Mono += time.Duration(1+s.rng.IntN(1000)) * time.Millisecond
	s.now.Wall = s.now.Wall.Add(time.Millisecond)
	var was []byte
	if handed, ok := ev.(LegsHanded); ok {
		s.arrived(handed)
		was = mustJSON(handed.Parcel)
	}
	in := Input{At: s.now, Ev: ev}
	asked := false
	if d, ok := ev.(DigitReceived); ok && s.call.leg(d.Leg) != nil {
		asked = s.call.asks(s.call.leg(d.Leg))
	}
	cmds := s.call.Step(in)
	if s.twin != nil {
		if again := s.twin.Step(in); !reflect.DeepEqual(cmds, again) && len(cmds)+len(again) > 0 {
			s.book.fault("the copy wants %v\nnot %v", written(again), written(cmds))
		}
	}
	if handed, ok := ev.(LegsHanded); ok && !bytes.Equal(was, mustJSON(handed.Parcel)) {
		s.book.fault("the call has changed what was handed to it:\n%s\n%s", was, mustJSON(handed.Parcel))
	}
	s.book.step(ev, cmds)
	s.book.consistent(s.call)
	s.last = cmds
	s.note()
	s.notePlays(ev)
	defer s.counts(ev, cmds, asked) // once the legs that are new are known
	for _, cmd := range cmds {
		s.handOut(cmd)
	}
	s.onceEach()
}

func (s *sim) handOut(cmd Command) {
	switch cmd := cmd.(type) {
	case Locate:
		ev := Located{ID: s.call.ID, Ref: cmd.Ref}
		if cmd.Trunk != "" && s.chance(0.8) {
			ev.Contacts = []Contact{{URI: cmd.Number, Trunk: cmd.Trunk}}
		}
		for i := range registered[cmd.Number] {
			ev.Contacts = append(ev.Contacts, Contact{URI: fmt.Sprintf("phone%d", i+1)})
		}
		s.locates = append(s.locates, ev)
	case StartTimer:
		s.timers = append(s.timers, cmd.ID)
	case Publish:
		if cmd.Notice.Kind == NoticeRouting {
			s.decides(cmd.Notice.Route.Try)
		}
	case StartRecord, RecordLegs, EndRecord:
		s.record.to = append(s.record.to, cmd.(MediaCommand))
	case Fetch, HandOver, RefuseLegs:
		s.letter(cmd)
	case StopTimer:
		s.timers = slices.DeleteFunc(s.timers, func(id TimerID) bool { return id == cmd.ID })
	default:
		s.handToLeg(cmd)
	}
}

func (s *sim) handToLeg(cmd Command) {
	id, ok := about(cmd)
	if !ok {
		return
	}
	l := s.legs[id]
	if l == nil {
		l = &simLeg{id: id, phase: simUnknown}
		s.legs[id] = l
		s.order = append(s.order, id)
	}
	switch cmd := cmd.(type) {
	case Dial: // it is read later and elsewhere: what it points to must not change meanwhile
		l.dialled, l.was = &cmd, mustJSON(cmd)
		s.permitted(cmd)
		l.number, l.shown = cmd.Number, cmd.From.Number
		l.toSIP = append(l.toSIP, cmd)
	case Signal:
		l.toSIP = append(l.toSIP, cmd)
	case MediaCommand:
		l.toMedia = append(l.toMedia, cmd)
	}
}
