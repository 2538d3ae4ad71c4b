package callstate

import (
	"strings"
	"testing"
)

// situations drive a call into every state of it, of its legs and of its transfer. Lines are those of the scripts;
// "by hand" leaves the media work of the following lines undone.
var situations = []struct{ name, recipe string }{
	{"new", ""},
	{"routing", "invite 1 from 2000 to 2001"},
	{"preparing", "invite 1 from 2000 to 2001 | by hand | located 1"},
	{"dialling", "invite 1 from 2000 to 2001 | located 2"},
	{"ringing", "invite 1 from 2000 to 2001 | located 2 | progress 2 180"},
	{"early media", "invite 1 from 2000 to 2001 | located 2 | progress 2 183 sdp"},
	{"forwarding", "invite 1 from 2000 to 2001 | located 1 | progress 2 180 | request forward to 2002"},
	{"forwarding, nobody rings", "invite 1 from 2000 to 2001 | located 1 | progress 2 180 | request forward to 2002 | ends 2 busy status=486"},
	{"answered, media under way", "invite 1 from 2000 to 2001 | located 2 | by hand | answers 2"},
	{"answering", "invite 1 from 2000 to 2001 | located 1 | answers 2"},
	{"answering, our offer", "invite 1 from 2000 to 2001 no-offer | located 1 | answers 2"},
	{"connected", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1"},
	{"held by a phone", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | reoffers 2 sendonly"},
	{"held by an application", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request hold"},
	{"reoffers under way", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | by hand | request hold | reoffers 1 sendonly | reoffers 2 no-offer"},
	{"counter-offer out", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | reoffers 2 no-offer | request hold"},
	{"locating the target", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request transfer callee to 2002"},
	{"fetching a consultation", talkingTwo + " | by letter | refers 2 to 2002 replaces=y1"},
	{"fetching a consultation, transferor gone", talkingTwo + " | by letter | refers 2 to 2002 replaces=y1 | ends 2 normal"},
	{"fetching a consultation, for an application", talkingTwo + " | by letter | request attended 2 to y1"},
	{"target of a consultation rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | invite y1 from 2001 to 2002 | y: located 2 | progress y2 180 | refers 2 to 2002 replaces=y1"},
	{"somebody takes over", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | by hand | invite y1 from 2001 to 2000 replaces=2"},
	{"somebody picks up", "invite 1 from 2000 to 2001 | located 2 | progress 2 180 | by hand | invite y1 from 2001 to 2000 replaces=2"},
	{"target dialled", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request transfer callee to 2002 | located 2"},
	{"target rings, by REFER", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | progress 3 180"},
	{"target answered, media under way", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | by hand | answers 3"},
	{"transferor gone", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | progress 3 180 | ends 2 normal"},
	{"waiting to recall", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | ends 2 normal | ends 3 busy status=486"},
	{"recalling", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | ends 2 normal | ends 3 busy status=486 | timer recall | located 1"},
	{"transferor lingers", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | answers 3"},
	{"moved, locating", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request move 1 to 2002"},
	{"moved, target rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request move 1 to 2002 | located 1 | progress 3 180"},
	{"moved, target failed", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request move 1 to 2002 | located 0"},
	{"held by one party", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request hold-leg 2"},
	{"consulting, locating", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002"},
	{"consulting, target rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 2 | progress 3 180"},
	{"consulting, early media", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 2 | progress 3 183 sdp"},
	{"consulting, target answered, media under way", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | by hand | answers 3"},
	{"swapped while it rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request swap 2"},
	{"consulting, target up", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3"},
	{"swapped back, target held", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request swap 2"},
	{"threeway asked while it rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request threeway 2"},
	{"threeway, a leg changes its codec", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | by hand | reoffers 1 | answer-made 1 codec=opus unmixable | request threeway 2"},
	{"completed while it rings", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request complete 2"},
	{"completed early, pause", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request complete 2 | ends 3 busy status=486"},
	{"completed early, recalling", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | request complete 2 | ends 3 busy status=486 | timer recall | located 1"},
	{"consulting, failure tone", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 0"},
	{"consulting, transferee left", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | progress 3 180 | ends 1 normal"},
	{"three talk", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2"},
	{"one of three is moved", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request move 3 to 2003 | located 1 | progress 4 180"},
	{"two bridges", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request move 3 to 2003 | located 1 | answers 4"},
	{"two bridges, consulting in the second", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request move 3 to 2003 | located 1 | answers 4 | request consult 3 to 2004 | located 1 | answers 5"},
	{"a clip plays, at one", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request play caller a.wav wait"},
	{"a clip plays, at both, for ever", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request play all a.wav repeat"},
	{"a recording waits for a codec", "invite 1 from 2000 to 2001 | located 1 | answers 2 codec=opus unmixable sdp=opus | confirms 1 | by hand | request record all a.wav"},
	{"a clip waits for a codec", "invite 1 from 2000 to 2001 | located 1 | answers 2 codec=opus unmixable sdp=opus | confirms 1 | by hand | request play all a.wav"},
	{"a clip plays while a target is being located", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request play all a.wav wait | request transfer callee to 2002"},
	{"a clip plays to three", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 2002 | located 1 | answers 3 | request threeway 2 | request play all a.wav wait"},
	{"a clip plays to who talks to an API extension", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request play all a.wav wait"},
	{"a clip waits until an API extension's caller can hear it", "invite 1 from 2000 to 9990 | by hand | request accept 2 | request play caller a.wav"},
	{"who talks to an API extension is recorded", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request record all a.wav wait | record-started"},
	{"a recording begins", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav"},
	{"a recording runs, awaited", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record callee a.wav wait | record-started"},
	{"a recording is being ended", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav wait | record-started | request stop-record"},
	{"a recording was ended before it began", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav | request stop-record"},
	{"recorded while consulting", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav | record-started | request consult 2 to 2002 | located 1 | answers 3"},
	{"ending, a recording is not complete", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request record all a.wav | record-started | ends 1 normal | ends 2 normal"},
	{"trunk being looked up", "extension 2000 outbound | invite 1 from 2000 to 5551234"},
	{"trunk being tried", "extension 2000 outbound | invite 1 from 2000 to 5551234 | located 1"},
	{"second trunk rings", "extension 2000 outbound | invite 1 from 2000 to 5551234 | located 1 | ends 2 failed status=503 | located 1 | progress 3 180"},
	{"sent on by a setting, locating", "extension 2001 busy=2002 | invite 1 from 2000 to 2001 | located 1 | ends 2 busy status=486"},
	{"sent on by a setting, old phone not gone", "extension 2001 no-answer=2002 | invite 1 from 2000 to 2001 | located 1 | progress 2 180 | timer ring | located 1 | progress 3 180"},
	{"forwarding, nobody rings, a setting waits", "extension 2001 busy=2003 | invite 1 from 2000 to 2001 | located 1 | progress 2 180 | request forward to 2002 | ends 2 busy status=486"},
	{"302, two numbers ring and one waits", "extension 2002 busy=2000 no-answer=5551234 | invite 1 from 2000 to 2001 | located 1 | ends 2 unavailable status=302 moved=2002,2003,2004:500 | located 1 for 2002 | located 1 for 2003 | progress 3 180"},
	{"302, the other phone rings on", "invite 1 from 2000 to 2001 | located 2 | progress 3 180 | ends 2 unavailable status=302 moved=2002"},
	{"from a trunk, connected", "extension 2001 outbound | invite 1 from 12345678 to 5503301 trunk=provider | located 1 | answers 2 | confirms 1"},
	{"from trunk to trunk", "invite 1 from 12345678 to 1234567 trunk=provider | located 1 | answers 2 | confirms 1"},
	{"outside target rings, by REFER", "extension 2001 outbound | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 5551234 | located 1 | progress 3 180"},
	{"target sent on, transferor gone", "extension 2002 busy=2003 | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 2002 | located 1 | ends 2 normal | ends 3 busy status=486"},
	{"outside transferor gone", "invite 1 from 12345678 to 5503301 trunk=provider | located 1 | answers 2 | confirms 1 | refers 1 to 2002 | located 1 | ends 1 normal"},
	{"a code begins", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *"},
	{"what was no code is sent on", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *9"},
	{"asking, blind", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *03"},
	{"asking, attended", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *32"},
	{"asking, a number is there", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *32002"},
	{"asking, blind, locating", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *032002#"},
	{"moved by a code", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *032002# | located 1"},
	{"consulting by a code", "codes | invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | dials 2 *32002# | located 1"},
	{"asked where it goes", "settings decide=3s | invite 1 from 2000 to 2001"},
	{"asked for long, of a trunk", "settings decide=3s | invite 1 from 12345678 to 5503301 trunk=provider | timer comfort"},
	{"an application has decided", "settings decide=3s | invite 1 from 2000 to 2001 | request route to 2002 | located 1 | progress 2 180"},
	{"asked again, early media is over", "settings decide=3s | invite 1 from 2000 to 2001 | request route to 2002 | located 1 | progress 2 183 sdp | ends 2 busy status=486"},
	{"asked again, our answer for a 183 is being made", "settings decide=3s | invite 1 from 2000 to 2001 | request route to 2002 | located 1 | by hand | progress 2 183 sdp | answer-taken 2 | ends 2 busy status=486"},
	{"an API extension rings", "invite 1 from 2000 to 9990"},
	{"an API extension talks", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1"},
	{"an API extension talks, answering", "invite 1 from 2000 to 9990 no-offer | request accept 2"},
	{"an API extension talks, media under way", "invite 1 from 2000 to 9990 | by hand | request accept 2"},
	{"an API extension talks, held", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request hold"},
	{"placed, locating", "placed from 9990 to 2001"},
	{"placed, ringing", "placed from 9990 to 2001 | located 2 | progress 2 180"},
	{"placed, early media", "placed from 9990 to 2001 | located 2 | progress 2 183 sdp"},
	{"placed, answered, media under way", "placed from 9990 to 2001 | located 1 | by hand | answers 2"},
	{"placed, up", "placed from 9990 to 2001 | located 1 | answers 2"},
	{"placed, to the outside", "extension 9990 outbound | placed from 9990 to 5551234 | located 1 | answers 2"},
	{"an application's transfer, locating", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request transfer application to 2002 wait"},
	{"an application's transfer, ringing", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request transfer application to 2002 wait | located 1 | progress 3 180"},
	{"an application's transfer, it has left", "invite 1 from 2000 to 9990 | request accept 2 | confirms 1 | request transfer application to 2002 | located 1 | progress 3 180 | request end-leg 2"},
	{"an API extension is the target", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | refers 2 to 9990"},
	{"an API extension is moved away", "placed from 9990 to 2001 | located 1 | answers 2 | refers 2 to 2002 | located 1 | progress 3 180"},
	{"an API extension is consulted", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 9990 | request accept 3"},
	{"an API extension among three", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request consult 2 to 9990 | request accept 3 | request threeway 2"},
	{"ending", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request end"},
	{"over", "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | request end | ends 1 normal | ends 2 normal"},
}

// talkingTwo are two calls of 2001: with 2000, and with 2002.
const talkingTwo = "invite 1 from 2000 to 2001 | located 1 | answers 2 | confirms 1 | invite y1 from 2001 to 2002 | y: located 1 | answers y2 | confirms y1"

// into plays a recipe.
func into(t *testing.T, recipe string) *desk {
	t.Helper()
	d := newDesk(exampleDirectory())
	d.follow(t, recipe)
	return d
}

// intoAgain plays a recipe that into has played.
func intoAgain(t *testing.T, recipe string) *desk {
	t.Helper()
	d := newDesk(exampleDirectory())
	d.again = true
	d.follow(t, recipe)
	d.again = false
	for _, each := range d.desks { // so that what comes next is compared with how the calls stand now
		each.account.consistent(each.call)
	}
	return d
}

// follow plays a recipe.
func (d *desk) follow(t *testing.T, recipe string) {
	t.Helper()
	byHand := false
	for line := range strings.SplitSeq(recipe, "|") {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case line == "by hand":
			byHand = true
		case line == "codes":
			d.set("settings codes=on")
		case strings.HasPrefix(line, "settings "):
			d.set(line)
		case strings.HasPrefix(line, "extension "):
			d.configure(line)
		case line == "by letter":
			d.slow = true
		default:
			if _, err := d.play(line, byHand); err != nil {
				t.Fatal(err)
			}
		}
	}
}
