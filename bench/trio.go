package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ringdown/bench/phone"
)

// transferKind is a way to transfer a call.
type transferKind struct {
	load     string // in RESULTS.md
	attended bool   // after a consultation
	api      bool   // by the P-Series API instead of the transferor's REFER
}

var (
	blindByREFER    = transferKind{load: "blind transfer"}
	attendedByREFER = transferKind{load: "attended transfer", attended: true}
	blindByAPI      = transferKind{load: "blind transfer by API", api: true}
	attendedByAPI   = transferKind{load: "attended transfer by API", attended: true, api: true}
)

// trio is a transferor, a transferee and a target with phones of their own; it makes one transfer at a time.
type trio struct {
	transferKind
	app                       *pseries // of kinds by the API
	from, transferee, target  *phone.Phone
	fromNo                    string
	domain                    string // of the target's number
	transfereeNo, targetNo    string
	listening                 bool        // its phones know the tones that they hear
	out, in, consulted, third *phone.Call // of the transfer that runs
}

// moved is one transfer.
type moved struct {
	at     time.Time     // the REFER, or the command that completes the transfer
	took   time.Duration // from there to the NOTIFY that ends it, or until the transferor is released and the target is there
	whole  time.Duration // by API, attended: the same from the command that begins the consultation
	before time.Duration // the longest gap in what the transferee received while nothing happened: the machine's share
	gap    time.Duration // the longest one from the first request on
	err    error
}

const (
	// listens is how long a transferee listens before the transfer, and after it is done. They are alike, so that the two
	// gaps can be compared.
	listens = 300 * time.Millisecond
	// consults is how long transferor and target talk before a command completes the transfer: the transferee has music.
	consults = 200 * time.Millisecond
	// transferWithin is the longest that any step of a transfer by the API may last.
	transferWithin = 5 * time.Second
	// Each of so many trios listens to what it hears, which costs too much for all of them.
	oneListens = 16
)

// What the parties send, Hz.
const transferorHz, transfereeHz, targetHz = 440, 700, 1000

func newTrio(ctx context.Context, t *target, u users, k int, way transferKind, app *pseries) (*trio, error) {
	r := &trio{transferKind: way, app: app, domain: t.domain(), fromNo: u.part(0, 3).number(k), transfereeNo: u.part(1, 3).number(k), targetNo: u.part(2, 3).number(k),
		listening: k%oneListens == 0}
	numbers := []string{r.fromNo, r.transfereeNo, r.targetNo}
	for i, at := range []**phone.Phone{&r.from, &r.transferee, &r.target} {
		p, err := phone.New(phone.Config{Number: numbers[i], Password: u.password, Server: t.sip, Deaf: !r.listening,
			Patience: 20 * time.Second, Transcript: 100})
		if err != nil {
			r.close()
			return nil, err
		}
		*at = p
		if err := t.register(ctx, p); err != nil {
			r.close()
			return nil, err
		}
	}
	return r, nil
}

func (r *trio) close() {
	for _, p := range []*phone.Phone{r.from, r.transferee, r.target} {
		if p != nil {
			p.Close()
		}
	}
}

// call has the transferor call a phone, which answers and sends audio, as does the transferor.
func (r *trio) call(ctx context.Context, number string, p *phone.Phone, hz int) (out, in *phone.Call, err error) {
	if out, err = r.from.Dial(ctx, number); err != nil {
		return nil, nil, err
	}
	if in, err = p.WaitCall(ctx); err == nil {
		err = errors.Join(in.Ring(), in.Answer())
	}
	if err == nil {
		err = out.WaitAnswer(ctx)
	}
	if err == nil {
		out.Media.SendTone(transferorHz)
		in.Media.SendTone(hz)
	}
	return out, in, err
}

// move makes one transfer from the first INVITE to the last BYE.
func (r *trio) move(ctx context.Context) (m moved) {
	r.out, r.in, r.consulted, r.third = nil, nil, nil, nil
	defer func() { m.err = errors.Join(m.err, r.leave(ctx, m.err != nil)) }()
	if r.out, r.in, m.err = r.call(ctx, r.transfereeNo, r.transferee, transfereeHz); m.err != nil {
		return m
	}
	if r.attended && !r.api {
		if m.err = r.out.Hold(ctx, phone.SendOnly); m.err != nil {
			return m
		}
		if r.consulted, r.third, m.err = r.call(ctx, r.targetNo, r.target, targetHz); m.err != nil {
			return m
		}
	}
	if m.err = pause(ctx, listens); m.err != nil { // until the streams flow
		return m
	}
	r.in.Media.Mark()
	if m.err = pause(ctx, listens); m.err != nil {
		return m
	}
	m.before = r.in.Media.Gap()
	r.in.Media.Mark()
	if r.api {
		m.err = r.command(ctx, &m)
	} else {
		m.err = r.refer(ctx, &m)
	}
	if m.err == nil {
		m.err = r.listen(ctx, &m)
	}
	return m
}

// refer does the transfer itself.
func (r *trio) refer(ctx context.Context, m *moved) error {
	m.at = time.Now()
	var answer *phone.Message
	var err error
	if r.attended {
		answer, err = r.out.ReferReplaces(ctx, r.consulted)
	} else {
		answer, err = r.out.Refer(ctx, "sip:"+r.targetNo+"@"+r.domain)
	}
	switch {
	case err != nil:
		return err
	case answer.Status != 202:
		return fmt.Errorf("REFER was answered %s", answer.StartLine())
	}
	if !r.attended {
		if err := r.answers(ctx); err != nil {
			return err
		}
	}
	reports, err := r.out.WaitReported(ctx)
	if err != nil {
		return err
	}
	m.took = time.Since(m.at)
	if last := reports[len(reports)-1]; last.Status != 200 {
		return fmt.Errorf("the transfer was reported as %d %s", last.Status, last.Reason)
	}
	return nil
}

// command does the transfer by the API: the transferee is moved, or the transferor consults the target and completes.
func (r *trio) command(ctx context.Context, m *moved) error {
	ctx, cancel := context.WithTimeout(ctx, transferWithin)
	defer cancel()
	channels, err := r.app.channels(ctx, r.fromNo)
	if err != nil {
		return err
	}
	body := map[string]string{"type": "blind", "channel_id": channels[r.transfereeNo], "number": r.targetNo}
	if r.attended {
		body = map[string]string{"type": "attended", "channel_id": channels[r.fromNo], "number": r.targetNo, "dial_permission": r.fromNo}
	}
	m.at = time.Now()
	began := m.at
	if _, err := r.app.post(ctx, "call/transfer", body); err != nil {
		return err
	}
	if err := r.answers(ctx); err != nil {
		return err
	}
	if _, err := r.third.WaitAck(ctx); err != nil {
		return err
	}
	if r.attended {
		if err := pause(ctx, consults); err != nil {
			return err
		}
		m.at = time.Now()
		_, err := r.app.post(ctx, "call/transfer", map[string]string{"type": "attended", "channel_id": channels[r.fromNo], "attended_operate": "complete"})
		if err != nil {
			return err
		}
	}
	if _, err := r.out.WaitEnd(ctx); err != nil {
		return fmt.Errorf("the transferor was not released (the target's call is up: %v): %w", r.third.Active(), err)
	}
	m.took = time.Since(m.at)
	if r.attended {
		m.whole = time.Since(began)
	}
	return nil
}

// answers has the target answer, and send audio.
func (r *trio) answers(ctx context.Context) (err error) {
	if r.third, err = r.target.WaitCall(ctx); err != nil {
		return err
	}
	if err := errors.Join(r.third.Ring(), r.third.Answer()); err != nil {
		return err
	}
	r.third.Media.SendTone(targetHz)
	return nil
}

// listen is what transferee and target do once they have each other. A transfer that left them without is no transfer.
func (r *trio) listen(ctx context.Context, m *moved) error {
	heard := r.third.Media.Stats().Packets
	if err := pause(ctx, listens); err != nil {
		return err
	}
	m.gap = r.in.Media.Gap()
	if n := r.third.Media.Stats().Packets - heard; n < 5 || m.gap >= listens { // 15 are due
		return fmt.Errorf("the target received %d packets from the transferee, whose own stream had a gap of %v", n, m.gap)
	}
	if !r.listening {
		return nil
	}
	const window = listens / 2
	if !r.in.Media.Hears(targetHz, window) || !r.third.Media.Hears(transfereeHz, window) {
		return fmt.Errorf("the transferee hears %v Hz, which should be %d, and the target %v, which should be %d",
			r.in.Media.Tones(window), targetHz, r.third.Media.Tones(window), transfereeHz)
	}
	return nil
}

// leave ends what is left of the calls: the transferee and the target talk, the transferor is told to go or goes.
func (r *trio) leave(ctx context.Context, failed bool) error {
	var errs []error
	calls := []*phone.Call{r.out, r.consulted, r.third, r.in}
	for _, c := range calls[:3] {
		if c != nil && c.Active() {
			c.Hangup() // may cross the switch's own BYE
		}
	}
	if failed && r.in != nil && r.in.Active() {
		r.in.Hangup()
	}
	for _, c := range calls {
		if c != nil {
			_, err := c.WaitEnd(ctx)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
