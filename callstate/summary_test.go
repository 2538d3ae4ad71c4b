package callstate

import (
	"reflect"
	"testing"
	"time"
)

// answeredCall is a plain call in which two talk.
func answeredCall() *Call {
	c := NewCall(1, DefaultSettings(), benchDirectory())
	for _, ev := range plainCall(1)[:10] {
		c.Step(Input{Ev: ev})
	}
	return c
}

// TestSummaryIsKept: a step that changes nothing that is shown makes no summary, and no garbage at all.
func TestSummaryIsKept(t *testing.T) {
	c := answeredCall()
	before := c.Summary()
	var ev Event = Connected{On: On{LegID{1, 1}}, How: Relayed}
	got := testing.AllocsPerRun(100, func() { c.Step(Input{Ev: ev}) })
	if c.Summary() != before {
		t.Error("a step that changes nothing made another summary")
	}
	if got > 0 && !raceDetector { // which keeps from the stack what is there otherwise
		t.Errorf("a step that changes nothing allocates %v times", got)
	}
	c.Step(Input{Ev: LegReoffered{On: On{LegID{1, 1}}, Ref: 1, SDP: []byte("v=0"), Facts: Facts{Direction: SendOnly}}})
	c.Step(Input{Ev: AnswerMade{On: On{LegID{1, 1}}, Ref: c.LastRef, SDP: []byte("v=0")}})
	if now := c.Summary(); now == before || now.State != ShownHeld || before.State != ShownInCall || !now.Legs[0].Held {
		t.Errorf("a phone holds, the summary is %+v", now)
	}
}

// TestSummaryKnowsItsFields: one that differs in any field is not taken for what is shown now.
func TestSummaryKnowsItsFields(t *testing.T) {
	c := answeredCall()
	good := *c.Summary()
	for i := range reflect.TypeFor[Summary]().NumField() {
		bad := good
		bad.Legs = append([]LegSummary{}, good.Legs...)
		f := reflect.ValueOf(&bad).Elem().Field(i)
		switch v := f.Addr().Interface().(type) {
		case *CallID:
			*v++
		case *Shown:
			*v += "x"
		case *string:
			*v += "x"
		case *Party:
			v.Name += "x"
		case *Time:
			v.Wall = v.Wall.Add(time.Second)
		case *[]LegSummary:
			(*v)[1].Held = true
		default:
			t.Fatalf("no other value for a %T", v)
		}
		c.sum = &bad
		if now := c.Summary(); now == &bad || !reflect.DeepEqual(*now, good) {
			t.Errorf("%s is not looked at", reflect.TypeFor[Summary]().Field(i).Name)
		}
	}
}
