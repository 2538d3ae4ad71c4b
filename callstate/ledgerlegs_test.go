package callstate

// This file is the part of the ledger that is about what sip and media are told of legs.

func (a *ledger) signal(cmd Signal) (answers bool) {
	switch cmd := cmd.(type) {
	case Locate:
	case Dial:
		l := a.leg(cmd.Leg)
		if l.signal {
			a.fault("leg %s dialled twice", cmd.Leg)
		}
		l.signal = true
		if len(cmd.SDP) == 0 {
			a.fault("leg %s dialled without an offer", cmd.Leg)
		}
	case Ring:
		a.knows(cmd, cmd.Leg)
		if cmd.Status < 180 || cmd.Status > 183 || cmd.Status == 182 || cmd.Status == 183 && len(cmd.SDP) == 0 {
			a.fault("leg %s is sent %d %q: 180, 181, or 183 with SDP are allowed", cmd.Leg, cmd.Status, cmd.SDP)
		}
	case Answer:
		a.knows(cmd, cmd.Leg)
		if len(cmd.SDP) == 0 {
			a.fault("leg %s answered without SDP", cmd.Leg)
		}
	case HangUp:
		l := a.knows(cmd, cmd.Leg)
		if l.hungUp {
			a.fault("leg %s hung up twice", cmd.Leg)
		}
		l.hungUp = true
		for k := range a.offers {
			if k.leg == cmd.Leg {
				a.fault("leg %s is hung up, and its offer %d has no answer", k.leg, k.ref)
			}
		}
		if s := cmd.Cause.FinalStatus(); s < 400 || s > 699 {
			a.fault("leg %s would be told status %d", cmd.Leg, s)
		}
	case Reoffer:
		a.knows(cmd, cmd.Leg)
	case AcceptOffer:
		a.answersOffer(offerKey{cmd.Leg, cmd.Ref})
		a.knows(cmd, cmd.Leg)
	case RefuseOffer:
		a.answersOffer(offerKey{cmd.Leg, cmd.Ref})
		return true
	case AcceptRefer:
		a.answersRefer(offerKey{cmd.Leg, cmd.Ref}, referAccepted)
		a.knows(cmd, cmd.Leg)
	case RefuseRefer:
		a.answersRefer(offerKey{cmd.Leg, cmd.Ref}, referDone)
		return true
	case ReportTransfer: // may come after the referrer's BYE: the subscription outlives the call (T3)
		a.report(cmd)
	case SendInfo:
		a.knows(cmd, cmd.Leg)
	}
	return false
}

// knows checks a signal that names a leg: sip must know it, and it must neither be over nor being ended.
func (a *ledger) knows(cmd Command, id LegID) *legAccount {
	l := a.leg(id)
	switch {
	case !l.signal:
		a.fault("%T for leg %s, which sip does not know", cmd, id)
	case l.over:
		a.fault("%T for leg %s, which has ended", cmd, id)
	case l.hungUp:
		if _, again := cmd.(HangUp); !again {
			a.fault("%T for leg %s, which was hung up", cmd, id)
		}
	}
	return l
}

func (a *ledger) answersOffer(k offerKey) {
	if !a.offers[k] {
		a.fault("offer %d of leg %s answered twice, or never made", k.ref, k.leg)
	}
	delete(a.offers, k)
}

func (a *ledger) answersRefer(k offerKey, now string) {
	if a.refers[k] != referAsked {
		a.fault("REFER %d of leg %s answered when it was %q", k.ref, k.leg, a.refers[k])
	}
	a.refers[k] = now
}

func (a *ledger) report(cmd ReportTransfer) {
	k := offerKey{cmd.Leg, cmd.Ref}
	switch s := a.refers[k]; {
	case s != referAccepted:
		a.fault("report %d on REFER %d of leg %s, which is %q", cmd.Status, k.ref, k.leg, s)
	case cmd.Status < 100 || cmd.Status > 699:
		a.fault("report with status %d", cmd.Status)
	case cmd.Status >= 200:
		a.refers[k] = referDone
	}
}

func (a *ledger) media(cmd MediaCommand) {
	open := func(id LegID) *legAccount {
		l := a.leg(id)
		if l.media != "open" {
			a.fault("%T for leg %s, whose media is %q", cmd, id, l.media)
		}
		return l
	}
	switch cmd := cmd.(type) {
	case OpenMedia:
		l := a.leg(cmd.Leg)
		if l.media != "" {
			a.fault("media of leg %s opened again", cmd.Leg)
		}
		l.media = "open"
	case CloseMedia:
		l := open(cmd.Leg)
		l.media, l.hears, l.plays, l.clip = "closed", nil, Nothing, 0
	case MakeOffer:
		open(cmd.Leg)
	case MakeAnswer:
		open(cmd.Leg)
	case TakeAnswer:
		open(cmd.Leg)
	case SendDigits:
		open(cmd.Leg)
	case PlayClip:
		l := open(cmd.Leg)
		if l.clip != 0 {
			a.fault("clip %d is played to leg %s while clip %d does (A7)", cmd.Ref, cmd.Leg, l.clip)
		}
		l.clip = cmd.Ref
	case StopClip:
		l := open(cmd.Leg)
		if l.clip == 0 {
			a.fault("a clip of leg %s is stopped, and none plays", cmd.Leg)
		}
		l.clip = 0
	case StartRecord, RecordLegs, EndRecord:
		a.recording(cmd)
	case Connect:
		l := open(cmd.Leg)
		l.hears, l.plays = cmd.Hears, cmd.Play
		for _, id := range cmd.Hears {
			if a.leg(id).media != "open" {
				a.fault("leg %s is to hear leg %s, whose media is %q", cmd.Leg, id, a.leg(id).media)
			}
		}
	}
}
