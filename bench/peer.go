package main

import (
	"context"
	"fmt"

	"ringdown/bench/phone"
)

// takePeer is the switch that runs already.
func (o options) takePeer(l lines) (t *target, err error) {
	t = &target{name: fmt.Sprintf("%s (pid %d)", o.peer, o.pid), sip: o.peer, openAPI: o.api, lines: l, proc: processTree(o.pid)}
	if t.dropped, err = t.proc.udpDrops(); err != nil {
		return nil, fmt.Errorf("-pid %d: %w: run this as root, or as the user of that process", o.pid, err)
	}
	return t, nil
}

// register makes a phone known to the switch. Somebody else's must forget first where the number was in an earlier run: it
// would ring there too, and may hold only so many contacts.
func (t *target) register(ctx context.Context, p *phone.Phone) error {
	if err := t.forget(ctx, p); err != nil {
		return err
	}
	return p.Register(ctx, 3600)
}

// forget removes all contacts of a number from a switch that was not started here (RFC 3261 §10.2.2).
func (t *target) forget(ctx context.Context, p *phone.Phone) error {
	if t.own != nil {
		return nil
	}
	if err := p.Register(ctx, 0, phone.WithContact("*")); err != nil {
		return fmt.Errorf("REGISTER of %s with Contact: * and Expires: 0: %w", p.URI(), err)
	}
	return nil
}

// forgetAll is forget of all users, whom sipp will register.
func (t *target) forgetAll(ctx context.Context, u users) error {
	if t.own != nil {
		return nil
	}
	for i := range u.count {
		p, err := phone.New(phone.Config{Number: u.number(i), Password: u.password, Server: t.sip, Deaf: true})
		if err != nil {
			return err
		}
		err = t.forget(ctx, p)
		p.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
