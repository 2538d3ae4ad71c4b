package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"ringdown/bench/phone"
)

// The demo's outside line, as the vendor's page of the report names it.
const (
	outsideNumber = "12345678"
	outsideTrunk  = "siptrunk"
)

// phoneTransfers is steered by nobody but the people at the phones: the transfer key, and the feature codes.
func (d *demo) phoneTransfers() []step {
	return []step{
		{"alice calls bob; bob holds her and calls carol on his second line", d.secondLine},
		{"bob's transfer key (REFER with Replaces): alice and carol hear each other, bob's phone is free", d.transferKey},
		{"the CallTransfer report of it arrives: 2000, transferred by 2001", d.reportOf(`"number":"2000"`, `"number":"2001"`)},
		{"carol dials *03 and 2001: bob rings, alice hears ringback, carol is released", d.blindCode},
		{"bob answers: alice and bob hear each other; the report names 2000 and 2002", d.blindAnswered},
		{"12345678 calls 2001 from outside, over the trunk siptrunk; bob dials *3 and 2002 and talks to carol", d.outsideCall},
		{"bob hangs up: 12345678 and carol hear each other; the report names the trunk", d.codeCompleted},
		{"carol hangs up: the line is free", d.outsideEnds},
	}
}

// outsideLine gives the switch a trunk to a provider at this address, whose calls to an extension are let in.
func (c *Config) outsideLine(at netip.AddrPort) {
	c.Trunks = append(c.Trunks, Trunk{Name: outsideTrunk, Address: at.String(), Transport: "udp", Identify: []netip.AddrPort{at}})
	pattern, _ := parsePattern("^2[0-9]{3}$")
	c.Routes.Inbound = append(c.Routes.Inbound, InboundRoute{Trunk: outsideTrunk, Pattern: pattern, To: numberVariable})
}

// provider is the other end of the trunk, a phone that registers nowhere.
func (d *demo) provider() (*phone.Phone, error) {
	return phone.New(phone.Config{Number: outsideNumber, Domain: "provider.example.com", Server: d.sw.SIP[0].Addr.String(),
		Local: d.outside.String(), Codecs: []string{"PCMA"}})
}

// talk connects two phones and has them hear each other.
func (d *demo) talk(ctx context.Context, from *phone.Phone, sends int, number string, to *phone.Phone, answers int) (a, b *phone.Call, err error) {
	if a, err = from.Dial(ctx, number); err != nil {
		return nil, nil, err
	}
	if b, err = rings(ctx, to); err != nil {
		return nil, nil, err
	}
	if err := errors.Join(b.Answer(), a.WaitAnswer(ctx)); err != nil {
		return nil, nil, err
	}
	a.Media.SendTone(sends)
	b.Media.SendTone(answers)
	return a, b, d.hear(ctx, a, answers, b, sends)
}

func (d *demo) secondLine(ctx context.Context) (err error) {
	if d.fromAlice, d.toBob, err = d.talk(ctx, d.alice, aliceTone, "2001", d.bob, bobTone); err != nil {
		return err
	}
	if err := d.toBob.Hold(ctx, phone.SendOnly); err != nil {
		return err
	}
	if err := d.music(ctx, d.fromAlice, bobTone); err != nil {
		return err
	}
	d.fromBob, d.toCarol, err = d.talk(ctx, d.bob, bobTone, "2002", d.carol, carolTone)
	return err
}

func (d *demo) transferKey(ctx context.Context) error {
	answer, err := d.toBob.ReferReplaces(ctx, d.fromBob)
	if err != nil {
		return err
	}
	if answer.Status != 202 {
		return fmt.Errorf("REFER is answered %s", answer.StartLine())
	}
	if err := d.hear(ctx, d.fromAlice, carolTone, d.toCarol, aliceTone); err != nil {
		return err
	}
	for _, c := range []*phone.Call{d.toBob, d.fromBob} {
		if _, err := c.WaitEnd(ctx); err != nil {
			return fmt.Errorf("bob was not released: %w", err)
		}
	}
	return nil
}

// reportOf waits for the next report, which has these texts in this order.
func (d *demo) reportOf(texts ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		got, err := d.reports.next(ctx)
		if err != nil {
			return err
		}
		d.say("POST / %s", got)
		rest := got
		for _, text := range append([]string{`"event":"Tranfer"`}, texts...) {
			_, after, found := strings.Cut(rest, text)
			if !found {
				return fmt.Errorf("the report lacks %s", text)
			}
			rest = after
		}
		return nil
	}
}

// dial presses keys during a call, as RFC 4733 events.
func (d *demo) dial(ctx context.Context, c *phone.Call, keys string) error {
	for _, key := range keys {
		if err := c.Media.SendDigit4733(key, 100); err != nil {
			return err
		}
		if err := c.Media.WaitSent(ctx); err != nil {
			return err
		}
		pause(ctx, 60*time.Millisecond)
	}
	return nil
}

func (d *demo) blindCode(ctx context.Context) (err error) {
	if err := d.dial(ctx, d.toCarol, "*032001"); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	if err := d.fromAlice.Media.WaitTone(ctx, 440); err != nil {
		return fmt.Errorf("alice hears no ringback: %w", err)
	}
	if _, err := d.toCarol.WaitEnd(ctx); err != nil {
		return fmt.Errorf("carol was not released: %w", err)
	}
	if got := d.fromAlice.Media.DigitString(); got != "" {
		return fmt.Errorf("alice's phone got %q of the code", got)
	}
	return nil
}

func (d *demo) blindAnswered(ctx context.Context) error {
	if err := d.toBob.Answer(); err != nil {
		return err
	}
	d.toBob.Media.SendTone(bobTone)
	if err := d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone); err != nil {
		return err
	}
	if err := d.reportOf(`"number":"2000"`, `"number":"2002"`)(ctx); err != nil {
		return err
	}
	if err := d.fromAlice.Hangup(); err != nil {
		return err
	}
	_, err := d.toBob.WaitEnd(ctx)
	return err
}

func (d *demo) outsideCall(ctx context.Context) (err error) {
	if d.line, err = d.provider(); err != nil {
		return err
	}
	if d.fromOutside, d.toBob, err = d.talk(ctx, d.line, aliceTone, "2001", d.bob, bobTone); err != nil {
		return err
	}
	if err := d.dial(ctx, d.toBob, "*32002"); err != nil {
		return err
	}
	if d.toCarol, err = rings(ctx, d.carol); err != nil {
		return err
	}
	if err := d.toCarol.Answer(); err != nil {
		return err
	}
	d.toCarol.Media.SendTone(carolTone)
	if err := d.hear(ctx, d.toBob, carolTone, d.toCarol, bobTone); err != nil {
		return err
	}
	return d.music(ctx, d.fromOutside, bobTone, carolTone)
}

func (d *demo) codeCompleted(ctx context.Context) error {
	if err := d.toBob.Hangup(); err != nil {
		return err
	}
	if err := d.hear(ctx, d.fromOutside, carolTone, d.toCarol, aliceTone); err != nil {
		return err
	}
	return d.reportOf(`"from":"12345678"`, `"to":"2001"`, `"trunkname":"siptrunk"`, `"number":"2001"`)(ctx)
}

func (d *demo) outsideEnds(ctx context.Context) error {
	if err := d.toCarol.Hangup(); err != nil {
		return err
	}
	_, err := d.fromOutside.WaitEnd(ctx)
	return err
}
