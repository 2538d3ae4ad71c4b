package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"ringdown/bench/phone"
)

// phoneTalk is a caller and a callee with many calls between them.
type phoneTalk struct {
	describe func() string
	caller   *phone.Phone
	callee   *phone.Phone
	number   string
	arrived  chan arrival
	calls    []*phone.Call // the caller's
	called   []*phone.Call // the callee's
}

// arrival is what the callee made of one call.
type arrival struct {
	call *phone.Call
	to   netip.AddrPort // where the switch wants its RTP
	err  error
}

func newPhoneTalk(ctx context.Context, t *target, u users, describe func() string) (*phoneTalk, error) {
	k := &phoneTalk{describe: describe, number: u.number(1), arrived: make(chan arrival, 1)}
	var err error
	if k.caller, err = phone.New(phone.Config{Number: u.number(0), Password: u.password, Server: t.sip, Deaf: true}); err != nil {
		return nil, err
	}
	k.callee, err = phone.New(phone.Config{Number: k.number, Password: u.password, Server: t.sip, Deaf: true, OnInvite: k.answer})
	if err != nil {
		k.caller.Close()
		return nil, err
	}
	for _, p := range []*phone.Phone{k.caller, k.callee} {
		if err := t.register(ctx, p); err != nil {
			k.close()
			return nil, err
		}
	}
	return k, nil
}

func (k *phoneTalk) answer(c *phone.Call) {
	a := arrival{call: c}
	if sdp := c.Invite.SDP(); sdp == nil {
		a.err = errors.Join(errors.New("the callee was offered no audio"), c.Reject(488, ""))
	} else {
		a.to = sdp.Addr
		a.err = errors.Join(c.Ring(), c.Answer(phone.WithSDP(k.describe())))
	}
	k.arrived <- a
}

func (k *phoneTalk) add(ctx context.Context) (caller, callee netip.AddrPort, err error) {
	c, err := k.caller.Dial(ctx, k.number, phone.WithSDP(k.describe()))
	if err != nil {
		return caller, callee, err
	}
	if err := c.WaitAnswer(ctx); err != nil {
		return caller, callee, fmt.Errorf("call %d: %w", len(k.calls)+1, err)
	}
	var a arrival
	select {
	case a = <-k.arrived:
	case <-ctx.Done():
		return caller, callee, ctx.Err()
	}
	sdp := c.Remote()
	if a.err != nil || sdp == nil {
		return caller, callee, errors.Join(a.err, errors.New("no session on both sides"))
	}
	k.calls, k.called = append(k.calls, c), append(k.called, a.call)
	return sdp.Addr, a.to, nil
}

func (k *phoneTalk) hangUp(ctx context.Context) error {
	for i, c := range k.calls {
		if !c.Active() {
			return fmt.Errorf("call %d of %d had ended by itself", i+1, len(k.calls))
		}
	}
	for i, c := range k.calls {
		if err := c.Hangup(); err != nil {
			return err
		}
		_, err := c.WaitEnd(ctx)
		_, err2 := k.called[i].WaitEnd(ctx)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
	}
	return nil
}

func (k *phoneTalk) close() {
	k.caller.Close()
	k.callee.Close()
}
