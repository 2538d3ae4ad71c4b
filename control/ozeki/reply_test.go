package ozeki

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/callstate"
)

// TestErrors is the whole map from the core's refusals to answers.
func TestErrors(t *testing.T) {
	missing := func(param, command string) *reply { return invalidParameter(param, command) }
	cannot := func(name, more string) *reply {
		return &reply{code: 303, message: "Command '" + name + "' cannot be used here" + more}
	}
	const (
		forward  = "ForwardCall&Destination=1"
		send     = "SendDTMF&Party=all&Keys=1"
		transfer = "BlindTransfer&TransferorParty=caller&Target=1"
	)
	for _, row := range []struct {
		query string
		err   error
		want  *reply
	}{
		{"Hold", &callstate.Error{Kind: callstate.NoSuchCall}, callNotFound("AAAAAA")},
		{"Hold", &callstate.Error{Kind: callstate.WrongState, Text: "it rings"}, cannot("Hold", "")},
		{transfer, &callstate.Error{Kind: callstate.InProgress}, cannot("BlindTransfer", "")},
		{send, &callstate.Error{Kind: callstate.Unsupported}, cannot("SendDTMF", "")},
		{forward, &callstate.Error{Kind: callstate.BadTarget}, missing("Destination", "ForwardCall")},
		{transfer, &callstate.Error{Kind: callstate.BadTarget, Param: "target"}, missing("Target", "BlindTransfer")},
		{"Hold", &callstate.Error{Kind: callstate.BadTarget}, cannot("Hold", "")},
		{forward, &callstate.Error{Kind: callstate.BadRequest, Param: "destination"}, missing("Destination", "ForwardCall")},
		{transfer, &callstate.Error{Kind: callstate.BadRequest, Param: "target"}, missing("Target", "BlindTransfer")},
		{transfer, &callstate.Error{Kind: callstate.BadRequest, Param: "party"}, missing("TransferorParty", "BlindTransfer")},
		{transfer, &callstate.Error{Kind: callstate.BadRequest, Param: "transferor"}, missing("TransferorParty", "BlindTransfer")},
		{send, &callstate.Error{Kind: callstate.BadRequest, Param: "party"}, missing("Party", "SendDTMF")},
		{send, &callstate.Error{Kind: callstate.BadRequest, Param: "keys"}, missing("Keys", "SendDTMF")},
		{"Hold", &callstate.Error{Kind: callstate.BadRequest}, cannot("Hold", "")},
		{"Hold", &callstate.Error{Kind: callstate.Overloaded}, cannot("Hold", ": the call is overloaded, try again")},
		{"Hold", fmt.Errorf("wrapped: %w", &callstate.Error{Kind: callstate.NoSuchCall}), callNotFound("AAAAAA")},
		{"Hold", errors.New("disk on fire"), cannot("Hold", ": internal error")},
	} {
		t.Run(fmt.Sprint(row.query, row.err), func(t *testing.T) {
			b := newSwitchboard()
			b.do = func(context.Context) error { return row.err }
			a := newAPI(t, b, Config{}, "AAAAAA")
			b.start(callstate.Summary{ID: 1, State: callstate.ShownInCall})
			expect(t, get(t, a, "CallId=AAAAAA&command="+row.query+login), row.want.code, row.want.message)
		})
	}
}

// TestTimeout: a call that does not answer costs the client the configured time and no more; the answer does not claim
// that nothing happened.
func TestTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, 200 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			b := newSwitchboard()
			b.do = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			a := newAPI(t, b, Config{Timeout: timeout}, "AAAAAA")
			b.start(callstate.Summary{ID: 1, State: callstate.ShownInCall})
			start := time.Now()
			expect(t, get(t, a, "command=Hold&CallId=AAAAAA"+login), 303,
				"Command 'Hold' cannot be used here: the call did not answer in time, the command may still take effect")
			want := timeout
			if want == 0 {
				want = 5 * time.Second
			}
			if took := time.Since(start); took != want {
				t.Errorf("took %v, want %v", took, want)
			}
		})
	}
}
