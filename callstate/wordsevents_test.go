package callstate

import (
	"cmp"
	"fmt"
	"strings"
)

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
