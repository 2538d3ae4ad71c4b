package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringdown/bench/phone"
)

// transferring is steered over the Yeastar API: bob consults carol about alice's call, in all ways.
func (d *demo) transferring() []step {
	return []step{
		{"alice calls bob once more; call/query shows the channel of each", d.callAgain},
		{"attended, bob to 2002: alice hears music, carol rings, bob hears ringback", d.consult},
		{"carol answers: bob and carol hear each other, alice hears music", d.consulting},
		{"swap: alice and bob hear each other, carol hears music", d.swap},
		{"abort: carol is released, alice and bob talk on", d.abort},
		{"attended and threeway: each of the three hears both others", d.threeway},
		{"bob hangs up: alice and carol talk on", d.leave},
		{"attended, carol to 2001, and complete: carol is released, alice and bob hear each other", d.complete},
		{"call/hangup of alice's channel: both phones are hung up", d.hangupChannel},
	}
}

func (d *demo) callAgain(ctx context.Context) (err error) {
	if d.fromAlice, err = d.alice.Dial(ctx, "2001"); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	if err := errors.Join(d.toBob.Answer(), d.fromAlice.WaitAnswer(ctx)); err != nil {
		return err
	}
	d.fromAlice.Media.SendTone(aliceTone)
	d.toBob.Media.SendTone(bobTone)
	if err := d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone); err != nil {
		return err
	}
	if err := d.open.login(ctx); err != nil {
		return err
	}
	channels, err := d.open.channels(ctx)
	if err != nil {
		return err
	}
	d.say("channels: %s, %s", channels["2000"], channels["2001"])
	if channels["2000"] == "" || channels["2001"] == "" {
		return fmt.Errorf("call/query shows %v", channels)
	}
	return nil
}

// operate sends call/transfer for the channel of a number; params are name and value in turn.
func (d *demo) operate(ctx context.Context, number string, params ...string) error {
	channels, err := d.open.channels(ctx)
	if err != nil {
		return err
	}
	return d.open.call(ctx, "call/transfer", append([]string{"type", "attended", "channel_id", channels[number]}, params...)...)
}

func (d *demo) consult(ctx context.Context) (err error) {
	if err := d.operate(ctx, "2001", "number", "2002", "dial_permission", "2001"); err != nil {
		return err
	}
	if d.toCarol, err = rings(ctx, d.carol); err != nil {
		return err
	}
	if err := d.toBob.Media.WaitTone(ctx, 440); err != nil {
		return fmt.Errorf("bob hears no ringback: %w", err)
	}
	return d.music(ctx, d.fromAlice, bobTone)
}

// music waits until a phone hears something that none of the phones sends.
func (d *demo) music(ctx context.Context, who *phone.Call, not ...int) error {
	const window = 200 * time.Millisecond
	for ctx.Err() == nil {
		alone := !who.Media.Silent(window)
		for _, hz := range not {
			alone = alone && !who.Media.Hears(hz, window)
		}
		if alone {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	return errors.New("no music, or a voice in it")
}

func (d *demo) consulting(ctx context.Context) error {
	if err := d.toCarol.Answer(); err != nil {
		return err
	}
	d.toCarol.Media.SendTone(carolTone)
	return errors.Join(d.hear(ctx, d.toBob, carolTone, d.toCarol, bobTone), d.music(ctx, d.fromAlice, bobTone, carolTone))
}

func (d *demo) swap(ctx context.Context) error {
	if err := d.operate(ctx, "2001", "attended_operate", "swap"); err != nil {
		return err
	}
	return errors.Join(d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone), d.music(ctx, d.toCarol, bobTone, aliceTone))
}

func (d *demo) abort(ctx context.Context) error {
	if err := d.operate(ctx, "2001", "attended_operate", "abort"); err != nil {
		return err
	}
	if _, err := d.toCarol.WaitEnd(ctx); err != nil {
		return fmt.Errorf("carol was not released: %w", err)
	}
	return d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone)
}

func (d *demo) threeway(ctx context.Context) (err error) {
	if err := d.operate(ctx, "2001", "number", "2002", "dial_permission", "2001"); err != nil {
		return err
	}
	if d.toCarol, err = rings(ctx, d.carol); err != nil {
		return err
	}
	if err := d.consulting(ctx); err != nil {
		return err
	}
	if err := d.operate(ctx, "2001", "attended_operate", "threeway"); err != nil {
		return err
	}
	return errors.Join(both(ctx, "alice", d.fromAlice, bobTone, carolTone), both(ctx, "bob", d.toBob, aliceTone, carolTone),
		both(ctx, "carol", d.toCarol, aliceTone, bobTone))
}

// both waits until a phone hears two tones at once, and not its own.
func both(ctx context.Context, who string, c *phone.Call, one, two int) error {
	const window = 200 * time.Millisecond
	for ctx.Err() == nil {
		if c.Media.Hears(one, window) && c.Media.Hears(two, window) {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	return fmt.Errorf("%s does not hear both %d and %d Hz", who, one, two)
}

func (d *demo) leave(ctx context.Context) error {
	if err := d.toBob.Hangup(); err != nil {
		return err
	}
	if err := d.shows(ctx, "2000", "2002"); err != nil {
		return err
	}
	return d.hear(ctx, d.fromAlice, carolTone, d.toCarol, aliceTone)
}

// shows waits until call/query shows exactly these numbers.
func (d *demo) shows(ctx context.Context, numbers ...string) error {
	for {
		channels, err := d.open.channels(ctx)
		if err != nil {
			return err
		}
		missing := slices.ContainsFunc(numbers, func(n string) bool { return channels[n] == "" })
		if len(channels) == len(numbers) && !missing {
			return nil
		}
		if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return fmt.Errorf("call/query shows %v, expected %v", channels, numbers)
		}
	}
}

func (d *demo) complete(ctx context.Context) (err error) {
	if err := d.operate(ctx, "2002", "number", "2001", "dial_permission", "2002"); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	if err := d.toBob.Answer(); err != nil {
		return err
	}
	d.toBob.Media.SendTone(bobTone)
	if err := d.hear(ctx, d.toBob, carolTone, d.toCarol, bobTone); err != nil {
		return err
	}
	if err := d.operate(ctx, "2002", "attended_operate", "complete"); err != nil {
		return err
	}
	if _, err := d.toCarol.WaitEnd(ctx); err != nil {
		return fmt.Errorf("carol was not released: %w", err)
	}
	return d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone)
}

func (d *demo) hangupChannel(ctx context.Context) error {
	channels, err := d.open.channels(ctx)
	if err != nil {
		return err
	}
	if err := d.open.call(ctx, "call/hangup", "channel_id", channels["2000"]); err != nil {
		return err
	}
	for _, c := range []*phone.Call{d.fromAlice, d.toBob} {
		if _, err := c.WaitEnd(ctx); err != nil {
			return err
		}
	}
	return d.shows(ctx)
}
