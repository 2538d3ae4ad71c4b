package callstate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// note remembers what the call came to be in, so that an exploration which never gets somewhere fails.
func (s *sim) note() {
	c := s.call
	if t := c.Transfer; t != nil {
		s.reached[t.table().name+" "+t.State] = true
		if t.Mixing {
			s.reached["mixing"] = true
		}
		if t.Bridge > 1 {
			s.reached["transfer in a second bridge"] = true
		}
	}
	s.noteFork()
	s.noteQuestion()
	s.noteApps()
	for _, cmd := range s.last {
		if p, ok := cmd.(Publish); ok && !p.Notice.Leg.Zero() && p.Notice.Leg.Call > 100 {
			switch p.Notice.Kind {
			case NoticeAnswered:
				s.reached["picked up"] = true
			case NoticeTransferred:
				s.reached["taken over"] = true
			}
		}
	}
	if c.Main > 1 {
		s.reached["another main bridge"] = true
	}
	in := [9]int{}
	for _, l := range c.Legs {
		if in[min(l.Bridge, 8)]++; l.Bridge > 0 && in[min(l.Bridge, 8)] == 3 {
			s.reached["three talk"] = true
		}
	}
	if len(c.Legs)-in[0] >= 5 {
		s.reached["five talk"] = true
	}
}

// script writes what happened so that it can be put into testdata.
func (s *sim) script() string {
	var w strings.Builder
	fmt.Fprintln(&w, "# found by the exploration")
	fmt.Fprintln(&w, "media by hand")
	for _, n := range slices.Sorted(maps.Keys(s.dir.Extensions)) {
		x := s.dir.Extensions[n]
		fmt.Fprintf(&w, "extension %s", n)
		if x.Outbound {
			fmt.Fprint(&w, " outbound")
		}
		if x.App {
			fmt.Fprint(&w, " app")
		}
		if x.ConnectedLine {
			fmt.Fprint(&w, " connected-line")
		}
		for _, f := range [][2]string{{"always", x.Forward.Always}, {"busy", x.Forward.Busy}, {"no-answer", x.Forward.NoAnswer},
			{"pickup", x.Pickup}} {
			if f[1] != "" {
				fmt.Fprintf(&w, " %s=%s", f[0], f[1])
			}
		}
		fmt.Fprintln(&w)
	}
	set := s.set
	fmt.Fprintf(&w, "settings hops=%d on-fail=%s decide=%s\n", set.Hops, set.Transfer.OnFail, set.Decide)
	for _, ev := range s.log {
		by := ""
		if _, ofLeg := ev.(legEvent); !ofLeg && ev.Call() != 1 {
			by = callName(ev.Call(), true) + ": "
		}
		fmt.Fprintf(&w, "%s%s\n----\n\n", by, writeEvent(ev))
	}
	return w.String()
}

func written(cmds []Command) string {
	var w strings.Builder
	for _, cmd := range cmds {
		fmt.Fprintf(&w, "\n    %s", writeCommand(cmd))
	}
	return w.String()
}

// about finds the leg that a command names.
func about(cmd Command) (LegID, bool) {
	switch cmd := cmd.(type) {
	case Dial:
		return cmd.Leg, true
	case Ring:
		return cmd.Leg, true
	case Answer:
		return cmd.Leg, true
	case HangUp:
		return cmd.Leg, true
	case Reoffer:
		return cmd.Leg, true
	case AcceptOffer:
		return cmd.Leg, true
	case RefuseOffer:
		return cmd.Leg, true
	case AcceptRefer:
		return cmd.Leg, true
	case RefuseRefer:
		return cmd.Leg, true
	case ReportTransfer:
		return cmd.Leg, true
	case SendInfo:
		return cmd.Leg, true
	case ShowPartner:
		return cmd.Leg, true
	case OpenMedia:
		return cmd.Leg, true
	case MakeOffer:
		return cmd.Leg, true
	case MakeAnswer:
		return cmd.Leg, true
	case TakeAnswer:
		return cmd.Leg, true
	case Connect:
		return cmd.Leg, true
	case TakeDigits:
		return cmd.Leg, true
	case SendDigits:
		return cmd.Leg, true
	case PlayClip:
		return cmd.Leg, true
	case StopClip:
		return cmd.Leg, true
	case CloseMedia:
		return cmd.Leg, true
	}
	return LegID{}, false
}
