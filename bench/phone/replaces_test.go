package phone

import (
	"strings"
	"testing"
)

// The Refer-To of an attended transfer names the dialog as its other end sees it.
func TestReferReplaces(t *testing.T) {
	ctx := t.Context()
	alice := start(t, Config{Number: "2000", FollowRefer: true})
	bob := start(t, Config{Number: "2001", Server: alice.Addr().String()})
	toAlice, err := bob.Dial(ctx, "2000")
	must(t, err)
	a, err := alice.WaitCall(ctx)
	must(t, err)
	must(t, a.Answer())
	must(t, toAlice.WaitAnswer(ctx))
	early := toAlice.Replaces()
	local, remote := toAlice.Tags()
	if want := toAlice.ID + ";to-tag=" + remote + ";from-tag=" + local; early != want {
		t.Errorf("Replaces: expected %s, got %s", want, early)
	}
	m, err := toAlice.ReferReplaces(ctx, toAlice)
	must(t, err)
	if m.Status != 202 {
		t.Errorf("answer: %s", m.StartLine())
	}
	got, err := a.WaitRequest(ctx, "REFER", 1)
	must(t, err)
	if to := got.Get("Refer-To"); !strings.Contains(to, "?Replaces=") || strings.Contains(to, ";from-tag") {
		t.Errorf("Refer-To: %s", to)
	}
}
