package callstate

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// writeCommand says one command in the words of a telephony engineer. Numbers that only bind results to commands are
// left out; those by which a phone or an application is answered are not.
func writeCommand(cmd Command) string {
	switch cmd := cmd.(type) {
	case Signal:
		return writeSignal(cmd)
	case MediaCommand:
		return writeMedia(cmd)
	case StartTimer:
		return fmt.Sprintf("start-timer %s %s", cmd.Name, cmd.After)
	case StopTimer:
		return fmt.Sprintf("stop-timer %d", cmd.ID.N)
	case Reply:
		if cmd.Err == nil {
			return fmt.Sprintf("reply %d done", cmd.Ref)
		}
		return fmt.Sprintf("reply %d %s", cmd.Ref, cmd.Err)
	case Publish:
		return writeNotice(cmd.Notice)
	case Fetch:
		s := fmt.Sprintf("fetch %d", named(cmd.Leg))
		if cmd.EarlyOnly {
			s += " early-only"
		}
		if cmd.Stay > 1 {
			s += fmt.Sprintf(" stay=%d", cmd.Stay)
		}
		return s
	case HandOver:
		return fmt.Sprintf("hand-over to %s: %s", callName(cmd.To, true), writeParcel(cmd.Parcel))
	case RefuseLegs:
		return fmt.Sprintf("refuse-legs to %s %d", callName(cmd.To, true), cmd.Status)
	case Finish:
		return "finish"
	}
	return fmt.Sprintf("%#v", cmd)
}

// writeParcel is "1 up, 2 ringing, who rings for 2001".
func writeParcel(p Parcel) string {
	var all []string
	for _, l := range p.Legs {
		all = append(all, fmt.Sprintf("%d %s", named(l.ID), l.State))
	}
	if p.Fork != nil {
		all = append(all, "target "+p.Fork.Number)
	}
	return strings.Join(all, ", ")
}

func writeNotice(n Notice) string {
	caller := n.Summary.Caller.Number
	if n.Summary.Shown != n.Summary.Caller {
		caller += " as " + n.Summary.Shown.Number
	}
	s := fmt.Sprintf("notice %s: %s, %s calls %s", n.Kind, n.Summary.State, caller, n.Summary.Callee.Number)
	if !n.Leg.Zero() {
		s += fmt.Sprintf(", leg %d", named(n.Leg))
	}
	if n.Digit != "" {
		s += ", digit " + n.Digit
	}
	if n.Cause.Kind != "" {
		s += ", " + writeCause(n.Cause)
	}
	if n.Kind == NoticeRouting {
		s += ", " + writeAsked(n.Route)
	}
	if len(n.Parties) > 0 {
		s += ", of"
		for _, l := range n.Parties {
			s += fmt.Sprintf(" %d", named(l.ID))
		}
	}
	for _, id := range n.Moved {
		s += fmt.Sprintf(", %d has moved", named(id))
	}
	return s + writeLegs(n.Summary.Legs)
}

// writeLegs is what the list of legs shows: "[1 up calling held, 2 up]".
func writeLegs(legs []LegSummary) string {
	var all []string
	for _, l := range legs {
		s := fmt.Sprintf("%d %s", named(l.ID), l.State)
		if l.Trunk != "" {
			way := "to"
			if l.Inbound {
				way = "from"
			}
			s += fmt.Sprintf(" %s %s by %s, here %s", way, l.Party.Number, l.Trunk, l.Local)
		}
		for _, f := range []struct {
			is   bool
			word string
		}{{l.App, "app"}, {l.Calling, "calling"}, {l.Waits, "waits"}, {l.Held, "held"}} {
			if f.is {
				s += " " + f.word
			}
		}
		all = append(all, s)
	}
	return " [" + strings.Join(all, ", ") + "]"
}

func writeCause(c Cause) string {
	s := strings.ReplaceAll(string(c.Kind), " ", "-")
	if c.Status != 0 {
		s += fmt.Sprintf(" status=%d", c.Status)
	}
	if c.Reason != "" {
		s += " reason=" + c.Reason
	}
	return s
}

func writeSignal(cmd Signal) string {
	switch cmd := cmd.(type) {
	case Locate:
		if cmd.Trunk != "" {
			return "locate " + cmd.Number + " by " + cmd.Trunk
		}
		return "locate " + cmd.Number
	case Dial:
		s := fmt.Sprintf("dial %d %s at %s", named(cmd.Leg), cmd.Number, cmd.To.URI)
		if cmd.To.Trunk != "" {
			s += " by " + cmd.To.Trunk
		}
		s += " from " + cmd.From.Number
		for _, v := range cmd.Diversions {
			s += fmt.Sprintf(" diverted-by=%s(%s)", v.Number, v.Reason)
		}
		if cmd.ReferredBy != "" {
			s += " referred-by=" + cmd.ReferredBy
		}
		if cmd.Replaces != "" {
			s += " replaces=" + cmd.Replaces
		}
		if cmd.Hops > 0 {
			s += fmt.Sprintf(" hops=%d", cmd.Hops)
		}
		if cmd.Forwards > 0 {
			s += fmt.Sprintf(" forwards=%d", cmd.Forwards)
		}
		return s
	case Ring:
		return strings.TrimSpace(fmt.Sprintf("ring %d %d %s", named(cmd.Leg), cmd.Status, cmd.SDP))
	case Answer:
		return fmt.Sprintf("answer %d %s", named(cmd.Leg), cmd.SDP)
	case HangUp:
		return fmt.Sprintf("hang-up %d %s", named(cmd.Leg), writeCause(cmd.Cause))
	case Reoffer:
		return fmt.Sprintf("reoffer %d %s", named(cmd.Leg), cmd.SDP)
	case AcceptOffer:
		return fmt.Sprintf("accept-offer %d ref=%d %s", named(cmd.Leg), cmd.Ref, cmd.SDP)
	case RefuseOffer:
		return fmt.Sprintf("refuse-offer %d ref=%d %d", named(cmd.Leg), cmd.Ref, cmd.Status)
	case AcceptRefer:
		return fmt.Sprintf("accept-refer %d ref=%d", named(cmd.Leg), cmd.Ref)
	case RefuseRefer:
		return fmt.Sprintf("refuse-refer %d ref=%d %d", named(cmd.Leg), cmd.Ref, cmd.Status)
	case ReportTransfer:
		return fmt.Sprintf("report %d ref=%d %d", named(cmd.Leg), cmd.Ref, cmd.Status)
	case SendInfo:
		return fmt.Sprintf("send-info %d %s", named(cmd.Leg), cmd.Digits)
	case ShowPartner:
		return fmt.Sprintf("show-partner %d %s", named(cmd.Leg), cmd.Partner.Number)
	}
	return fmt.Sprintf("%#v", cmd)
}

func writeMedia(cmd MediaCommand) string {
	like := func(s string, like LegID, dir Direction) string {
		if !like.Zero() {
			s += fmt.Sprintf(" like %d", named(like))
		}
		if dir != SendRecv {
			s += " " + string(dir)
		}
		return s
	}
	switch cmd := cmd.(type) {
	case OpenMedia:
		return strings.TrimSpace(fmt.Sprintf("open-media %d %s", named(cmd.Leg), cmd.Offer))
	case MakeOffer:
		if cmd.Mixable {
			return like(fmt.Sprintf("make-offer %d mixable", named(cmd.Leg)), cmd.Like, cmd.Direction)
		}
		return like(fmt.Sprintf("make-offer %d", named(cmd.Leg)), cmd.Like, cmd.Direction)
	case MakeAnswer:
		s := fmt.Sprintf("make-answer %d", named(cmd.Leg))
		if cmd.Mixable {
			s += " mixable"
		}
		if len(cmd.Offer) > 0 {
			s += " to " + string(cmd.Offer)
		}
		return like(s, cmd.Like, cmd.Direction)
	case TakeAnswer:
		return fmt.Sprintf("take-answer %d %s", named(cmd.Leg), cmd.Answer)
	case Connect:
		if len(cmd.Hears) == 0 {
			return fmt.Sprintf("connect %d hears %s", named(cmd.Leg), cmp.Or(string(cmd.Play), "nothing"))
		}
		s := fmt.Sprintf("connect %d hears", named(cmd.Leg))
		for _, id := range cmd.Hears {
			s += fmt.Sprintf(" %d", named(id))
		}
		return s
	case TakeDigits:
		s := fmt.Sprintf("take-digits %d %s", named(cmd.Leg), cmp.Or(string(cmd.Mode), "relay"))
		if cmd.Told > 0 {
			s += fmt.Sprintf(" after %d", cmd.Told)
		}
		if cmd.Inband {
			s += " inband"
		}
		return s
	case SendDigits:
		return fmt.Sprintf("send-digits %d %s by %s", named(cmd.Leg), cmd.Digits, cmd.Way)
	case PlayClip:
		return fmt.Sprintf("play-clip %d %s", named(cmd.Leg), cmd.Clip) + writeBounds(cmd.Repeat, cmd.Limit, 0, false)
	case StopClip:
		return fmt.Sprintf("stop-clip %d", named(cmd.Leg))
	case StartRecord:
		return "start-record " + cmd.File + writeBounds(false, cmd.Limit, cmd.Silence, false)
	case RecordLegs:
		s := "record-legs"
		for _, id := range cmd.Legs {
			s += fmt.Sprintf(" %d", named(id))
		}
		if len(cmd.Legs) == 0 {
			s += " nobody"
		}
		return s
	case EndRecord:
		return "end-record"
	case CloseMedia:
		return fmt.Sprintf("close-media %d", named(cmd.Leg))
	}
	return fmt.Sprintf("%#v", cmd)
}

// writeBounds is what bounds a clip or a recording, and whether its end is awaited.
func writeBounds(repeat bool, limit, silence time.Duration, wait bool) (s string) {
	if repeat {
		s += " repeat"
	}
	if limit != 0 {
		s += fmt.Sprintf(" limit=%s", limit)
	}
	if silence != 0 {
		s += fmt.Sprintf(" silence=%s", silence)
	}
	if wait {
		s += " wait"
	}
	return s
}
