package exchange

import (
	"testing"
	"testing/synctest"

	"ringdown/callstate"
)

// A real call to a number that nobody has: it is created, refused and gone.
func TestRealCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &rig{t: t}
		g.Exchange = New(Config{
			Settings: callstate.DefaultSettings(), Directory: &callstate.Directory{}, Signaller: sigPort{g}, Media: medPort{g},
		})
		g.closeAtEnd()
		g.on = func(c callstate.Command) {
			if c, ok := c.(callstate.HangUp); ok {
				g.Post(callstate.LegEnded{On: callstate.On{Leg: c.Leg}, Cause: c.Cause})
			}
		}
		var ended []callstate.Notice
		g.Watch(func(n callstate.Notice) {
			if n.Kind == callstate.NoticeEnded {
				ended = append(ended, n)
			}
		})
		g.call()
		synctest.Wait()
		if len(ended) != 1 || ended[0].Cause.Kind != callstate.NotFound {
			t.Errorf("expected one ended, not found, got %+v", ended)
		}
		if got := g.Counts().ByForce; got != 0 {
			t.Errorf("expected an end of its own, got %d by force", got)
		}
		g.expectEmpty()
	})
}
