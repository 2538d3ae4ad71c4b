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
	s := fmt.Sprintf("notice %s: %s, %s calls %s", n.Kind, n.Summary.State, n.Summary.Caller.Number, n.Summary.Callee.Number)
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

// writeEvent writes an event so that readEvent reads it again.
func writeEvent(ev Event) string {
	var w strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&w, format, args...) }
	dash := func(s string) string { return strings.ReplaceAll(s, " ", "-") }
	body := func(sdp []byte, f Facts, usual string) {
		if len(sdp) > 0 {
			p(" %s", cmp.Or(string(f.Direction), string(SendRecv)))
			if string(sdp) != cmp.Or(usual, string(f.Direction)) {
				p(" sdp=%s", sdp)
			}
			if f.Codec != "PCMU" && f.Codec != "" {
				p(" codec=%s", f.Codec)
			}
			if !f.Events {
				p(" no-events")
			}
			if !f.Mixable {
				p(" unmixable")
			}
		}
		if f.Info {
			p(" info")
		}
	}
	opt := func(key, v string) {
		if v != "" {
			p(" %s=%s", key, strings.ReplaceAll(v, " ", "_"))
		}
	}
	switch ev := ev.(type) {
	case LegOffered:
		p("invite %d from %s to %s", named(ev.Leg), ev.From.Number, ev.To)
		if ev.Hops > 0 {
			p(" hops=%d", ev.Hops)
		}
		if ev.Forwards > 0 {
			p(" forwards=%d", ev.Forwards)
		}
		opt("trunk", ev.Trunk)
		writeReplaced(p, ev.Replaces)
		if len(ev.SDP) == 0 {
			p(" no-offer")
		}
		body(ev.SDP, ev.Facts, "")
	case LegProgress:
		p("progress %d %d tag=%s", named(ev.Leg), ev.Status, ev.Branch)
		if len(ev.SDP) > 0 {
			p(" sdp")
		}
		body(ev.SDP, ev.Facts, "")
	case LegAnswered:
		p("answers %d tag=%s", named(ev.Leg), ev.Branch)
		if len(ev.SDP) == 0 {
			p(" no-sdp")
		}
		body(ev.SDP, ev.Facts, "")
	case LegConfirmed:
		p("confirms %d", named(ev.Leg))
		if len(ev.SDP) > 0 {
			p(" sdp")
		}
		body(ev.SDP, ev.Facts, "")
	case LegEnded:
		p("ends %d %s", named(ev.Leg), dash(string(ev.Cause.Kind)))
		if ev.Cause.Status != 0 {
			p(" status=%d", ev.Cause.Status)
		}
		if !ev.Cause.Remote {
			p(" ours")
		}
		for i, r := range ev.Moved {
			p("%s%s:%d", []string{" moved=", ","}[min(i, 1)], r.Number, r.Q)
		}
	case LegReoffered:
		p("reoffers %d ref=%d", named(ev.Leg), ev.Ref)
		if len(ev.SDP) == 0 {
			p(" no-offer")
		}
		body(ev.SDP, ev.Facts, "")
	case ReofferAnswered:
		p("reoffer-answered %d ref=%d", named(ev.Leg), ev.Ref)
		body(ev.SDP, ev.Facts, "")
	case ReofferRefused:
		p("reoffer-refused %d %d ref=%d", named(ev.Leg), ev.Status, ev.Ref)
	case ReferReceived:
		p("refers %d to %s ref=%d", named(ev.Leg), ev.Target, ev.Ref)
		opt("by", ev.ReferredBy)
		opt("elsewhere", ev.Elsewhere)
		writeReplaced(p, ev.Replaces)
	case LegsWanted:
		p("legs-wanted %d by %s token=%d", named(ev.Leg), callName(ev.By, true), ev.Token)
		if ev.EarlyOnly {
			p(" early-only")
		}
		if ev.Stay > 1 {
			p(" stay=%d", ev.Stay)
		}
	case LegsHanded:
		p("legs-handed token=%d: %s", ev.Token, writeParcel(ev.Parcel))
	case LegsRefused:
		p("legs-refused %d token=%d", ev.Status, ev.Token)
	case ReferGone:
		p("refer-gone %d ref=%d", named(ev.Leg), ev.Ref)
	case DigitReceived:
		p("presses %d %s", named(ev.Leg), ev.Digit)
		if ev.Via != ByEvent {
			p(" %s", ev.Via)
		}
		if ev.Passed {
			p(" passed")
		}
	case DigitsSent:
		p("digits-sent %d ref=%d", named(ev.Leg), ev.Ref)
		opt("fail", ev.Fail)
	case Located:
		p("located %d ref=%d", len(ev.Contacts), ev.Ref)
	case OfferMade:
		p("offer-made %d ref=%d", named(ev.Leg), ev.Ref)
		opt("sdp", string(ev.SDP))
	case AnswerMade:
		p("answer-made %d ref=%d", named(ev.Leg), ev.Ref)
		body(ev.SDP, ev.Facts, "answer")
	case AnswerTaken:
		p("answer-taken %d ref=%d", named(ev.Leg), ev.Ref)
		body([]byte("-"), ev.Facts, "-")
	case MediaFailed:
		p("media-failed %d %s", named(ev.Leg), dash(string(ev.Reason)))
		if ev.Ref == 0 {
			p(" opening")
		} else {
			p(" ref=%d", ev.Ref)
		}
	case Connected:
		p("connected %d %s", named(ev.Leg), ev.How)
	case ClipEnded:
		p("clip-ended %d ref=%d", named(ev.Leg), ev.Ref)
		opt("fail", ev.Fail)
	case RecordStarted:
		p("record-started ref=%d", ev.Ref)
		opt("fail", ev.Fail)
	case RecordEnded:
		p("record-ended ref=%d", ev.Ref)
		if ev.Long != 0 {
			p(" long=%s", ev.Long)
		}
		opt("fail", ev.Fail)
	case MediaSilent:
		p("silent %d", named(ev.Leg))
	case TimerFired:
		p("timer any id=%d", ev.ID.N)
	case Stopping:
		p("stopping")
	case CallPlaced:
		p("placed from %s to %s", ev.From, ev.To)
		opt("shows", ev.Shows.Number)
		if ev.Ring > 0 {
			p(" ring=%s", ev.Ring)
		}
	case Requested:
		p("request %s ref=%d", writeRequest(ev.Req), ev.Ref)
	default:
		p("%#v", ev)
	}
	return w.String()
}

func writeReplaced(p func(string, ...any), r Replaced) {
	switch {
	case r.Status != 0:
		p(" no-dialog=%d", r.Status)
	case r.Given():
		p(" replaces=%d", named(r.Leg))
	}
	if r.EarlyOnly {
		p(" early-only")
	}
}

func writeRequest(req Request) string {
	switch req := req.(type) {
	case End:
		return "end"
	case Hold:
		return "hold"
	case Unhold:
		return "unhold"
	case ForwardCall:
		return "forward to " + req.Destination
	case RouteCall:
		return writeRoute(req)
	case BlindTransfer:
		s := fmt.Sprintf("transfer %s to %s", req.Transferor, req.Target)
		if req.Wait {
			s += " wait"
		}
		return s
	case AcceptLeg:
		return fmt.Sprintf("accept %d", named(req.Leg))
	case RefuseLeg:
		return fmt.Sprintf("refuse %d %d", named(req.Leg), req.Status)
	case SendKeys:
		return fmt.Sprintf("keys %s %s", req.To, req.Keys)
	case AttendedTransfer:
		return fmt.Sprintf("attended %d to %d", named(req.Transferor), named(req.Consultation))
	case MoveLeg:
		return fmt.Sprintf("move %d to %s%s", named(req.Leg), req.Target, rights(req.Rights))
	case Consult:
		return fmt.Sprintf("consult %d to %s%s", named(req.Transferor), req.Target, rights(req.Rights))
	case Operate:
		return fmt.Sprintf("%s %d", req.Do, named(req.Transferor))
	case EndLeg:
		return fmt.Sprintf("end-leg %d", named(req.Leg))
	case HoldLeg:
		return fmt.Sprintf("hold-leg %d", named(req.Leg))
	case Play:
		return fmt.Sprintf("play %s %s", req.To, req.Clip) + writeBounds(req.Repeat, req.Limit, 0, req.Wait)
	case StopPlay:
		return "stop-play"
	case Record:
		return fmt.Sprintf("record %s %s", req.Of, req.File) + writeBounds(false, req.Limit, req.Silence, req.Wait)
	case StopRecord:
		return "stop-record"
	case UnholdLeg:
		return fmt.Sprintf("unhold-leg %d", named(req.Leg))
	}
	return fmt.Sprintf("%#v", req)
}

func rights(of string) string {
	if of == "" {
		return ""
	}
	return " rights=" + of
}
