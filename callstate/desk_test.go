package callstate

import (
	"maps"
	"regexp"
	"strings"
	"time"
)

// desk is who reads scripts to a call: it remembers the numbers that a person would not write, and can play the part
// of media.
type desk struct {
	*house
	id   CallID
	call *Call
	now  Time

	locate  Locate             // the last one
	locates map[string]Locate  // the last of each number
	timers  map[string]TimerID // the last of each name
	names   map[TimerID]string
	fetch   Fetch  // the last one
	record  uint32 // the last StartRecord

	last    uint64 // request
	account *ledger
}

// newDesk is the desk of the first call of a house.
func newDesk(dir *Directory) *desk {
	d := newHouse(dir).desk(1)
	d.now = Time{Wall: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	return d
}

// examplePatterns are compiled once: a directory is made anew for each of some ten thousand calls.
var examplePatterns = []*regexp.Regexp{
	regexp.MustCompile(`^5503301$`), regexp.MustCompile(`^(2[0-9]{3}|1[0-9]+)$`), regexp.MustCompile(`^00`),
	regexp.MustCompile(`^0[0-9]{6,}$`), regexp.MustCompile(`^[0-9]{6,}$`),
}

// exampleDirectory is who can be called in the tests. Nobody has a right to call outside or forwards its calls, but for
// those whom a script gives it.
func exampleDirectory() *Directory {
	d := &Directory{
		Extensions: map[string]Extension{},
		Trunks:     map[string]bool{"provider": true, "isp": true},
		Inbound: []InboundRoute{
			{Trunk: "provider", Pattern: examplePatterns[0], To: "2001"},
			{Trunk: "provider", Pattern: examplePatterns[1], To: "{number}"},
			{Trunk: "isp", Pattern: examplePatterns[2], To: "1{number}"},
		},
		Outbound: []OutboundRoute{
			{Pattern: examplePatterns[3], Trunks: []string{"isp"}, Strip: 1, Prepend: "+49"},
			{Pattern: examplePatterns[4], Trunks: []string{"provider", "isp"}},
		},
	}
	for n, name := range map[string]string{"2000": "Alice", "2001": "Bob", "2002": "Carol", "2003": "Dave", "2004": "Erin"} {
		d.Extensions[n] = Extension{Number: n, Name: name}
	}
	for _, n := range []string{"9990", "9991"} {
		d.Extensions[n] = Extension{Number: n, App: true}
	}
	return d
}

// step gives the call one event and returns what it wants, noting the numbers.
func (d *desk) step(ev Event) []Command {
	d.now.Wall, d.now.Mono = d.now.Wall.Add(time.Second), d.now.Mono+time.Second
	switch ev := ev.(type) {
	case LegsHanded:
		for _, l := range ev.Parcel.Legs {
			d.home[l.ID] = d.id
		}
	case LegOffered:
		d.home[ev.Leg] = d.id
	}
	cmds := append([]Command{}, d.call.Step(Input{At: d.now, Ev: ev})...)
	d.account.step(ev, cmds)
	if !d.again {
		d.account.consistent(d.call)
	}
	d.settle(ev)
	for _, cmd := range cmds {
		d.note(cmd)
	}
	return cmds
}

// settle takes media work off the list that ev is the result of.
func (d *desk) settle(ev Event) {
	var ref uint32
	var leg LegID
	switch ev := ev.(type) {
	case OfferMade:
		leg, ref = ev.Leg, ev.Ref
	case AnswerMade:
		leg, ref = ev.Leg, ev.Ref
	case AnswerTaken:
		leg, ref = ev.Leg, ev.Ref
	case MediaFailed:
		leg, ref = ev.Leg, ev.Ref
	}
	for i, r := range d.pending[leg] {
		if r == ref {
			d.pending[leg] = append(d.pending[leg][:i:i], d.pending[leg][i+1:]...)
			return
		}
	}
}

func (d *desk) note(cmd Command) {
	if m, ok := cmd.(MediaCommand); ok {
		d.work = append(d.work, m)
	}
	if given, ok := cmd.(HandOver); !d.post(cmd) && ok { // they are of no more concern here
		for _, l := range given.Parcel.Legs {
			delete(d.account.legs, l.ID)
			maps.DeleteFunc(d.account.offers, func(k offerKey, _ bool) bool { return k.leg == l.ID })
		}
	}
	switch cmd := cmd.(type) {
	case Locate:
		d.locate, d.locates[cmd.Number] = cmd, cmd
	case Fetch:
		d.fetch = cmd
	case StartTimer:
		d.timers[cmd.Name], d.names[cmd.ID] = cmd.ID, cmd.Name
	case MakeOffer:
		d.pending[cmd.Leg] = append(d.pending[cmd.Leg], cmd.Ref)
	case MakeAnswer:
		d.pending[cmd.Leg] = append(d.pending[cmd.Leg], cmd.Ref)
	case TakeAnswer:
		d.pending[cmd.Leg] = append(d.pending[cmd.Leg], cmd.Ref)
	case Reoffer:
		d.reoffers[cmd.Leg] = cmd.Ref
	case AcceptOffer:
		d.reoffers[cmd.Leg] = cmd.Ref
	case SendDigits:
		d.digits[cmd.Leg] = uint64(cmd.Ref)
	case SendInfo:
		d.digits[cmd.Leg] = uint64(cmd.Ref)
	case PlayClip:
		d.clips[cmd.Leg] = cmd.Ref
	case StartRecord:
		d.record = cmd.Ref
	case CloseMedia:
		delete(d.pending, cmd.Leg)
	}
}

// write says a command; a timer is stopped by its name.
func (d *desk) write(cmd Command) string {
	if stop, ok := cmd.(StopTimer); ok {
		return "stop-timer " + d.names[stop.ID]
	}
	return writeCommand(cmd)
}

func (d *desk) nextOffer(l LegID) uint64 { d.offers[l]++; return uint64(d.offers[l]) }
func (d *desk) nextRefer(l LegID) uint64 { d.refers[l]++; return d.refers[l] }
func (d *desk) nextRequest() uint64      { d.last++; return d.last }
func (d *desk) reoffer(l LegID) uint64   { return uint64(d.reoffers[l]) }
func (d *desk) oldest(l LegID) uint64 {
	if p := d.pending[l]; len(p) > 0 {
		return uint64(p[0])
	}
	panic("media has nothing to do for that leg")
}

// media plays its part: every piece of work succeeds at once. Bodies are their directions, so that what a phone says
// comes back as a fact.
func (h *house) media() (results []Event) {
	for _, cmd := range h.work {
		switch cmd := cmd.(type) {
		case MakeOffer:
			results = append(results, OfferMade{On: On{cmd.Leg}, Ref: cmd.Ref, SDP: []byte("offer")})
		case MakeAnswer:
			results = append(results, AnswerMade{On: On{cmd.Leg}, Ref: cmd.Ref, SDP: []byte("answer"), Facts: factsOf(cmd.Offer)})
		case TakeAnswer:
			results = append(results, AnswerTaken{On: On{cmd.Leg}, Ref: cmd.Ref, Facts: factsOf(cmd.Answer)})
		}
	}
	h.work = nil
	return results
}

func factsOf(sdp []byte) Facts {
	f := Facts{Codec: "PCMU", Direction: SendRecv, Events: true, Mixable: true}
	switch dir := Direction(sdp); dir {
	case SendOnly, RecvOnly, Inactive:
		f.Direction = dir
	}
	if strings.HasPrefix(string(sdp), "no-events") {
		f.Events = false
	}
	if string(sdp) == "opus" {
		f.Codec, f.Mixable = "opus", false
	}
	return f
}
