package callstate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The notation of testdata/*.txt. Legs are written by their number. What a line leaves out has an ordinary value: PCMU,
// sendrecv, digits by event.

// words is one line being read.
type words struct {
	line string
	rest []string
	opts map[string]string
	sim  *desk
}

// readEvent reads one line of events. The desk fills in the numbers that a person would not write.
func readEvent(line string, d *desk) (ev Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%q: %v", line, p)
		}
	}()
	w := &words{line: line, opts: map[string]string{}, sim: d}
	verb := ""
	for i, f := range strings.Fields(line) {
		if k, v, ok := strings.Cut(f, "="); ok {
			w.opts[k] = strings.ReplaceAll(v, "_", " ")
		} else if i == 0 {
			verb = f
		} else {
			w.rest = append(w.rest, f)
		}
	}
	ev = w.event(verb)
	if len(w.rest) > 0 {
		return nil, fmt.Errorf("%q: %q is not understood", line, w.rest)
	}
	for k := range w.opts {
		return nil, fmt.Errorf("%q: %s= is not understood", line, k)
	}
	return ev, nil
}

func (w *words) event(verb string) Event {
	if verb == "timer" || verb == "located" || verb == "stopping" || verb == "request" || verb == "placed" || strings.HasPrefix(verb, "record-") || verb == "legs-handed" || verb == "legs-refused" {
		return w.general(verb)
	}
	on := On{w.leg()}
	if strings.HasPrefix(verb, "media-") || verb == "offer-made" || verb == "answer-made" || verb == "answer-taken" ||
		verb == "connected" || verb == "silent" || verb == "presses" || verb == "clip-ended" {
		return w.media(verb, on)
	}
	switch verb {
	case "invite":
		ev := LegOffered{On: on, From: Party{Number: w.after("from")}, To: w.after("to"), SIPCallID: w.opt("call-id")}
		ev.Hops, ev.Forwards, ev.Trunk = w.number("hops"), w.number("forwards"), w.opt("trunk")
		ev.Replaces = w.replaced()
		ev.SDP, ev.Facts = w.body(!w.is("no-offer"))
		return ev
	case "progress":
		ev := LegProgress{On: on, Status: w.int(), Branch: w.tag()}
		ev.SDP, ev.Facts = w.body(w.is("sdp"))
		return ev
	case "answers":
		ev := LegAnswered{On: on, Branch: w.tag()}
		ev.SDP, ev.Facts = w.body(!w.is("no-sdp"))
		return ev
	case "confirms":
		ev := LegConfirmed{On: on}
		ev.SDP, ev.Facts = w.body(w.is("sdp"))
		return ev
	case "ends":
		return LegEnded{On: on, Cause: w.cause(), Moved: w.moved()}
	case "reoffers":
		ev := LegReoffered{On: on, Ref: uint32(w.ref(w.sim.nextOffer(on.Leg)))}
		ev.SDP, ev.Facts = w.body(!w.is("no-offer"))
		return ev
	case "reoffer-answered":
		ev := ReofferAnswered{On: on, Ref: uint32(w.ref(w.sim.reoffer(on.Leg)))}
		ev.SDP, ev.Facts = w.body(true)
		return ev
	case "reoffer-refused":
		return ReofferRefused{On: on, Status: w.int(), Ref: uint32(w.ref(w.sim.reoffer(on.Leg)))}
	case "refers":
		ev := ReferReceived{On: on, Target: w.after("to"), Ref: uint32(w.ref(w.sim.nextRefer(on.Leg))), ReferredBy: w.opt("by")}
		ev.Elsewhere = w.opt("elsewhere")
		ev.Replaces = w.replaced()
		return ev
	case "legs-wanted":
		by, err := readCall(w.after("by"))
		if err != nil {
			panic(err)
		}
		return LegsWanted{On: on, By: by, Token: 1, EarlyOnly: w.is("early-only"), Stay: max(1, w.number("stay")), Mixable: !w.is("unmixable")}
	case "refer-gone":
		return ReferGone{On: on, Ref: uint32(w.ref(w.sim.refers[on.Leg]))}
	case "digits-sent":
		return DigitsSent{On: on, Ref: uint32(w.ref(w.sim.digits[on.Leg])), Fail: w.opt("fail")}
	}
	panic("no such event")
}

func (w *words) media(verb string, on On) Event {
	pending := func() uint32 {
		if w.opts["ref"] != "" {
			return uint32(w.ref(0))
		}
		return uint32(w.sim.oldest(on.Leg))
	}
	switch verb {
	case "offer-made":
		return OfferMade{On: on, Ref: pending(), SDP: w.sdp("offer")}
	case "answer-made":
		ev := AnswerMade{On: on, Ref: pending()}
		_, ev.Facts = w.body(true)
		ev.SDP = w.sdp("answer")
		return ev
	case "answer-taken":
		ev := AnswerTaken{On: on, Ref: pending()}
		_, ev.Facts = w.body(true)
		return ev
	case "media-failed":
		reason := MediaFailure(strings.ReplaceAll(w.word(), "-", " "))
		if w.is("opening") {
			return MediaFailed{On: on, Reason: reason}
		}
		return MediaFailed{On: on, Reason: reason, Ref: pending()}
	case "connected":
		return Connected{On: on, How: ConnectedHow(w.word())}
	case "clip-ended":
		return ClipEnded{On: on, Ref: uint32(w.ref(uint64(w.sim.clips[on.Leg]))), Fail: w.opt("fail")}
	case "silent":
		return MediaSilent{On: on}
	case "presses":
		ev := DigitReceived{On: on, Digit: w.word(), Duration: 100 * time.Millisecond, Via: ByEvent, Passed: w.is("passed")}
		for _, way := range []DigitWay{ByInfo, ByInband} {
			if w.is(string(way)) {
				ev.Via = way
			}
		}
		return ev
	}
	panic("no such event")
}

func (w *words) general(verb string) Event {
	switch verb {
	case "located":
		n, of := w.int(), w.sim.locate
		if len(w.rest) > 0 {
			of = w.sim.locates[w.after("for")]
		}
		ev := Located{ID: w.sim.id, Ref: uint32(w.ref(uint64(of.Ref)))}
		for i := range n {
			if of.Trunk != "" {
				ev.Contacts = append(ev.Contacts, Contact{URI: of.Number, Trunk: of.Trunk})
			} else {
				ev.Contacts = append(ev.Contacts, Contact{URI: fmt.Sprintf("phone%d", i+1)})
			}
		}
		return ev
	case "timer":
		name := w.word()
		n := w.number("id")
		if n == 0 {
			return TimerFired{ID: w.sim.timers[name]}
		}
		return TimerFired{ID: TimerID{w.sim.id, uint32(n)}}
	case "stopping":
		return Stopping{ID: w.sim.id}
	case "record-started":
		return RecordStarted{ID: w.sim.id, Ref: uint32(w.ref(uint64(w.sim.record))), Fail: w.opt("fail")}
	case "record-ended":
		return RecordEnded{ID: w.sim.id, Ref: uint32(w.ref(uint64(w.sim.record))), Long: w.duration("long"), Fail: w.opt("fail")}
	case "placed":
		ring, _ := time.ParseDuration(w.opt("ring"))
		return CallPlaced{ID: w.sim.id, From: w.after("from"), To: w.after("to"), Shows: Party{Number: w.opt("shows")}, Ring: ring}
	case "legs-refused":
		return LegsRefused{ID: w.sim.id, Status: w.int(), Token: uint32(w.number("token"))}
	}
	ev := Requested{ID: w.sim.id, Ref: w.ref(w.sim.nextRequest())}
	switch what := w.word(); what {
	case "end":
		ev.Req = End{}
	case "hold":
		ev.Req = Hold{}
	case "unhold":
		ev.Req = Unhold{}
	case "forward":
		ev.Req = ForwardCall{Destination: w.after("to")}
	case "route":
		ev.Req = w.route()
	case "transfer":
		ev.Req = BlindTransfer{Wait: w.is("wait"), Transferor: Side(w.word()), Target: w.after("to")}
	case "accept":
		ev.Req = AcceptLeg{Leg: w.leg()}
	case "refuse":
		ev.Req = RefuseLeg{Leg: w.leg(), Status: w.int()}
	case "move":
		ev.Req = MoveLeg{Leg: w.leg(), Target: w.after("to"), Rights: w.opt("rights")}
	case "consult":
		ev.Req = Consult{Transferor: w.leg(), Target: w.after("to"), Rights: w.opt("rights")}
	case "attended":
		ev.Req = AttendedTransfer{Transferor: w.leg(), Consultation: w.legAfter("to")}
	case "abort", "complete", "threeway", "swap":
		ev.Req = Operate{Transferor: w.leg(), Do: Operation(what)}
	case "end-leg":
		ev.Req = EndLeg{Leg: w.leg()}
	case "hold-leg":
		ev.Req = HoldLeg{Leg: w.leg()}
	case "unhold-leg":
		ev.Req = UnholdLeg{Leg: w.leg()}
	case "play":
		ev.Req = Play{Repeat: w.is("repeat"), Wait: w.is("wait"), Limit: w.duration("limit"), To: Side(w.word()), Clip: Clip(w.word())}
	case "stop-play":
		ev.Req = StopPlay{}
	case "record":
		ev.Req = Record{Wait: w.is("wait"), Limit: w.duration("limit"), Silence: w.duration("silence"), Of: Side(w.word()), File: w.word()}
	case "stop-record":
		ev.Req = StopRecord{}
	case "keys":
		ev.Req = SendKeys{To: Side(w.word()), Keys: w.word()}
	default:
		panic("no such request")
	}
	return ev
}

func (w *words) word() string {
	if len(w.rest) == 0 {
		panic("a word is missing")
	}
	s := w.rest[0]
	w.rest = w.rest[1:]
	return s
}

func (w *words) int() int {
	n, err := strconv.Atoi(w.word())
	if err != nil {
		panic(err)
	}
	return n
}

func (w *words) leg() LegID {
	id, err := readLeg(w.word())
	if err != nil {
		panic(err)
	}
	return id
}

func (w *words) legAfter(prep string) LegID {
	if w.word() != prep {
		panic(prep + " is missing")
	}
	return w.leg()
}

// replaced reads the dialog that a phone names, or the status that tells why it names none.
func (w *words) replaced() (r Replaced) {
	r.EarlyOnly, r.Status = w.is("early-only"), w.number("no-dialog")
	if s := w.opt("replaces"); s != "" {
		id, err := readLeg(s)
		if err != nil {
			panic(err)
		}
		r.Leg = id
	}
	return r
}

// after reads the word behind a preposition.
func (w *words) after(prep string) string {
	if w.word() != prep {
		panic(prep + " is missing")
	}
	return w.word()
}

// is takes a lone word out, wherever it stands.
func (w *words) is(word string) bool {
	for i, s := range w.rest {
		if s == word {
			w.rest = append(w.rest[:i:i], w.rest[i+1:]...)
			return true
		}
	}
	return false
}

func (w *words) opt(key string) string {
	v := w.opts[key]
	delete(w.opts, key)
	return v
}

func (w *words) number(key string) int {
	n, _ := strconv.Atoi(w.opt(key))
	return n
}

func (w *words) duration(key string) time.Duration {
	s := w.opt(key)
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (w *words) ref(usual uint64) uint64 {
	s := w.opt("ref")
	if s == "" {
		return usual
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (w *words) tag() string {
	if t := w.opt("tag"); t != "" {
		return t
	}
	return "a"
}

func (w *words) sdp(usual string) []byte {
	if s := w.opt("sdp"); s != "" {
		return []byte(s)
	}
	return []byte(usual)
}

// body reads an SDP body and the facts in it.
func (w *words) body(there bool) ([]byte, Facts) {
	f := Facts{Info: w.is("info")}
	if !there {
		return nil, f
	}
	f.Codec, f.Direction, f.Events, f.Mixable = "PCMU", SendRecv, !w.is("no-events"), !w.is("unmixable")
	if c := w.opt("codec"); c != "" {
		f.Codec = c
	}
	for _, d := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
		if w.is(string(d)) {
			f.Direction = d
		}
	}
	return w.sdp(string(f.Direction)), f
}

func (w *words) cause() Cause {
	c := Cause{Kind: CauseKind(strings.ReplaceAll(w.word(), "-", " ")), Status: w.number("status"), Reason: w.opt("reason")}
	c.Remote = !w.is("ours")
	return c
}

// moved reads the contacts of a 302: "moved=2002,2003:500", a number and its preference in thousandths.
func (w *words) moved() (to []Redirect) {
	for f := range strings.FieldsFuncSeq(w.opt("moved"), func(r rune) bool { return r == ',' }) {
		number, q, given := strings.Cut(f, ":")
		r := Redirect{Number: number, Q: 1000}
		if given {
			r.Q, _ = strconv.Atoi(q)
		}
		to = append(to, r)
	}
	return to
}
