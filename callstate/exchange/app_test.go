package exchange

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// appRig is an exchange of real calls with the API extensions 9990 and 9991 and one phone, 2001. Whatever is dialled
// answers when answer says so, and whatever is hung up ends.
func appRig(t *testing.T, answer bool) *rig {
	g := &rig{t: t}
	g.Exchange = New(Config{
		Settings: callstate.DefaultSettings(), Signaller: sigPort{g}, Media: medPort{g},
		Directory: &callstate.Directory{Extensions: map[string]callstate.Extension{
			"9990": {Number: "9990", App: true}, "9991": {Number: "9991", App: true}, "2001": {Number: "2001"}, "2000": {Number: "2000"}}},
	})
	g.closeAtEnd()
	facts := callstate.Facts{Codec: "PCMU", Direction: callstate.SendRecv, Events: true, Mixable: true}
	sdp := []byte("v=0")
	g.on = func(c callstate.Command) {
		switch c := c.(type) {
		case callstate.Locate:
			g.Post(callstate.Located{ID: c.Call, Ref: c.Ref, Contacts: []callstate.Contact{{URI: "sip:2001@192.0.2.1"}}})
		case callstate.MakeOffer:
			g.Post(callstate.OfferMade{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, SDP: sdp})
		case callstate.MakeAnswer:
			g.Post(callstate.AnswerMade{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, SDP: sdp, Facts: facts})
		case callstate.TakeAnswer:
			g.Post(callstate.AnswerTaken{On: callstate.On{Leg: c.Leg}, Ref: c.Ref, Facts: facts})
		case callstate.Answer:
			g.Post(callstate.LegConfirmed{On: callstate.On{Leg: c.Leg}})
		case callstate.Dial:
			if answer {
				g.Post(callstate.LegAnswered{On: callstate.On{Leg: c.Leg}, Branch: "a", SDP: sdp, Facts: facts})
			}
		case callstate.HangUp:
			g.Post(callstate.LegEnded{On: callstate.On{Leg: c.Leg}, Cause: c.Cause})
		}
	}
	return g
}

func (g *rig) place(from, to string) callstate.CallID {
	g.t.Helper()
	id := g.NewCallID()
	if err := g.Place(callstate.CallPlaced{ID: id, From: from, To: to}); err != nil {
		g.t.Fatal(err)
	}
	return id
}

// watchKinds collects the notices of all calls, but for mere changes.
func (g *rig) watchKinds() *[]callstate.NoticeKind {
	var kinds []callstate.NoticeKind
	g.Watch(func(n callstate.Notice) {
		if n.Kind != callstate.NoticeChanged {
			kinds = append(kinds, n.Kind)
		}
	})
	return &kinds
}

// An application calls a phone, which answers, and leaves: the exchange counts, lists and ends the call like any other.
func TestPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := appRig(t, true)
		kinds := g.watchKinds()
		id := g.place("9990", "2001")
		if err := g.Place(callstate.CallPlaced{ID: id, From: "9990", To: "2001"}); kindOf(err) != callstate.Overloaded {
			t.Errorf("the same call again: expected a refusal, got %v", err)
		}
		synctest.Wait()
		s := g.Get(id)
		if s == nil || s.State != callstate.ShownInCall || len(s.Legs) != 2 || !s.Legs[0].App || s.Legs[1].App || len(g.List()) != 1 {
			t.Fatalf("expected a call of an application and a phone, got %+v", s)
		}
		if err := g.Do(t.Context(), id, callstate.EndLeg{Leg: s.Legs[0].ID}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if c := g.Counts(); c.Started != 1 || c.ByForce != 0 || c.Panics != 0 || c.Calls != 0 || c.Refused != 0 {
			t.Errorf("got %+v", c)
		}
		want := []callstate.NoticeKind{callstate.NoticeCreated, callstate.NoticeAnswered, callstate.NoticeEnded}
		if len(*kinds) != 3 || (*kinds)[0] != want[0] || (*kinds)[1] != want[1] || (*kinds)[2] != want[2] {
			t.Errorf("expected %v, got %v", want, *kinds)
		}
		g.expectEmpty()
	})
}

// A call without any phone in it ends at once: refused by the dial plan, hung up, or told that the switch stops.
func TestPlacedWithoutPhone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := appRig(t, false)
		g.on = nil // nothing is located
		kinds := g.watchKinds()
		g.place("9990", "4711")
		synctest.Wait()
		g.expectEmpty()
		id := g.place("9990", "2001")
		synctest.Wait()
		if err := g.Do(t.Context(), id, callstate.End{}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		g.expectEmpty()
		g.place("9991", "2001")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := g.Stop(ctx); err != nil || g.Now().Mono != time.Hour {
			t.Errorf("expected the end after an hour, got %v after %v", err, g.Now().Mono)
		}
		if err := g.Place(callstate.CallPlaced{ID: g.NewCallID(), From: "9990", To: "2001"}); kindOf(err) != callstate.Overloaded {
			t.Errorf("once the switch stops: expected a refusal, got %v", err)
		}
		if got := g.commands(); got != "callstate.Locate; callstate.Locate" {
			t.Errorf("expected two numbers to be located and nothing else, got %s", got)
		}
		if len(*kinds) != 6 || g.Counts().ByForce != 0 {
			t.Errorf("expected three calls created and ended, got %v, %+v", *kinds, g.Counts())
		}
		g.expectEmpty()
	})
}

// An ended-by-force call hangs up its phones alone: no adapter has ever heard of an application's side.
func TestForceSparesApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := appRig(t, true)
		g.also(func(c callstate.Command) {
			if _, ok := c.(callstate.Connect); ok {
				panic("a bad adapter")
			}
		})
		g.place("9990", "2001")
		synctest.Wait()
		told := map[callstate.LegID]bool{}
		for _, c := range g.told {
			switch c := c.(type) {
			case callstate.HangUp:
				told[c.Leg] = true
			case callstate.CloseMedia:
				told[c.Leg] = true
			}
		}
		if c := g.Counts(); c.ByForce != 1 || c.Panics != 1 || len(told) != 1 {
			t.Errorf("expected the phone's leg alone to be hung up, got %v, %+v", told, c)
		}
		for id := range told {
			if id.N != 2 {
				t.Errorf("leg %v was hung up", id)
			}
		}
		g.expectEmpty()
	})
}

// also adds to what the adapters do.
func (g *rig) also(f func(callstate.Command)) {
	first := g.on
	g.on = func(c callstate.Command) {
		first(c)
		f(c)
	}
}

// An application's side that came from another call is off the books as soon as it is gone, though no adapter tells of
// its end.
func TestHandedApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := appRig(t, true)
		x, y := g.place("9990", "2001"), g.place("9991", "2000")
		synctest.Wait()
		phone := callstate.LegID{Call: x, N: 2} // of the first call; it joins its partner with that of its other call
		g.Post(callstate.ReferReceived{On: callstate.On{Leg: callstate.LegID{Call: y, N: 2}}, Ref: 1, Target: "9990",
			Replaces: callstate.Replaced{Leg: phone}})
		synctest.Wait()
		// Both partners are applications: they end, and what came from the other call is gone from the books with them.
		if c := g.Counts(); c.Moved != 0 || c.Calls != 0 || c.Panics != 0 || c.ByForce != 0 {
			t.Errorf("got %+v", c)
		}
		z, w := g.place("9990", "2001"), g.NewCallID()
		g.Post(callstate.LegOffered{On: callstate.On{Leg: callstate.LegID{Call: w, N: 1}}, From: callstate.Party{Number: "2000"}, To: "2001", SDP: []byte("v=0")})
		synctest.Wait()
		g.Post(callstate.ReferReceived{On: callstate.On{Leg: callstate.LegID{Call: w, N: 2}}, Ref: 1, Target: "9990",
			Replaces: callstate.Replaced{Leg: callstate.LegID{Call: z, N: 2}}})
		synctest.Wait()
		s := g.Get(w)
		if s == nil || len(s.Legs) != 2 || g.Counts().Moved != 1 {
			t.Fatalf("expected the caller and the application of the other call, got %+v, %+v", s, g.Counts())
		}
		if err := g.Do(t.Context(), w, callstate.BlindTransfer{Transferor: callstate.Own, Target: "2001", Wait: true}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if c := g.Counts(); c.Calls != 1 || c.Moved != 0 {
			t.Errorf("the application has left: got %+v", c)
		}
		if err := g.Do(t.Context(), w, callstate.End{}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		g.expectEmpty()
	})
}

// TestDisownedApplication: legs that come too late are hung up; an application's side among them is nobody's.
func TestDisownedApplication(t *testing.T) {
	p := callstate.Parcel{Legs: []callstate.Leg{{ID: leg(1, 1), State: callstate.LegUp, Port: true}, {ID: leg(1, 2), State: callstate.LegUp, App: true}}}
	for _, c := range p.Disown() {
		switch c := c.(type) {
		case callstate.HangUp:
			if c.Leg.N != 1 {
				t.Errorf("%+v", c)
			}
		case callstate.CloseMedia:
			if c.Leg.N != 1 {
				t.Errorf("%+v", c)
			}
		}
	}
	if n := len(p.Disown()); n != 2 {
		t.Errorf("expected a hang-up and the end of a stream, got %d commands", n)
	}
}
