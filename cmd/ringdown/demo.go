package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ringdown/bench/phone"
	"ringdown/callstate"
)

// runDemo runs the switch with simulated phones that talk to it over real sockets, steers their calls over the HTTP
// API as an application would, and prints what the phones heard and saw. It fails unless every step was observed.
func runDemo(ctx context.Context, cfg *Config, o ServeOptions, stdout, stderr io.Writer) error {
	t := newTracer(nil)
	reports, err := newReportServer()
	if err != nil {
		return err
	}
	defer reports.close()
	cfg.Reports = append(cfg.Reports, Report{URL: reports.url})
	app, err := newScriptServer("127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	defer app.close()
	if cfg.Media.Folder, err = mediaFolder(); err != nil {
		return err
	}
	defer os.RemoveAll(cfg.Media.Folder)
	cfg.Ozeki.Notify.CallChanged = app.url
	cfg.APIExtensions = append(cfg.APIExtensions, APIExtension{Number: demoExtension, Name: demoExtension, URL: app.url})
	outside, err := freePort()
	if err != nil {
		return err
	}
	cfg.outsideLine(outside)
	sw, err := startSwitch(cfg, o.Log, seams{tracer: t})
	if err != nil {
		return err
	}
	defer func() { sw.Stop(stopped()) }()
	defer t.follow(sw.exchange)()
	fmt.Fprintln(stdout, sw.Ready())
	d := &demo{sw: sw, app: app, reports: reports, outside: outside, api: apiClient{base: "http://" + sw.HTTP.String() + "/api"}, out: stdout, tracer: t,
		open: openClient{base: "http://" + sw.Yeastar.String() + "/openapi/v1.0/"}}
	if err := d.run(ctx); err != nil {
		return err
	}
	if o.Keep {
		return keep(ctx, sw, cfg, o, reports, stdout)
	}
	return nil
}

// stopped is a context that has ended: what still runs is hung up at once.
func stopped() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// keep leaves the switch to the user's own phone and curl.
func keep(ctx context.Context, sw *Switch, cfg *Config, o ServeOptions, reports *reportServer, stdout io.Writer) error {
	printDemoSecrets(stdout, cfg)
	fmt.Fprintln(stdout, "transfers that you make on your phones are reported here")
	rctx, done := context.WithCancel(ctx)
	var printing sync.WaitGroup
	printing.Go(func() { reports.print(rctx, stdout) })
	defer printing.Wait()
	defer done()
	fmt.Fprintf(stdout, "the switch stays up: register a phone at %s and try\n  curl 'http://%s/api?command=ListActiveCalls&Username=%s&Password=%s'\nCtrl-C ends it\n",
		sw.SIP[0], sw.HTTP, demoHTTPUser, string(demoHTTPPassword))
	select {
	case <-ctx.Done():
	case <-o.Drain:
	}
	return nil
}

// demo is one run: three phones, the API, and the account of what happened.
type demo struct {
	sw                        *Switch
	api                       apiClient
	open                      openClient
	out                       io.Writer
	tracer                    *tracer
	alice, bob, carol         *phone.Phone
	fromAlice, toBob, toCarol *phone.Call
	id                        string // CallId
	steps                     int

	fromBob, fromOutside *phone.Call
	app                  *scriptServer
	reports              *reportServer
	outside              netip.AddrPort // the provider's address
	line                 *phone.Phone   // the provider
}

// freePort is an address of loopback that nobody uses just now.
func freePort() (netip.AddrPort, error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer pc.Close()
	return netip.ParseAddrPort(pc.LocalAddr().String())
}

// The tones that the phones send, in Hz; none is one of the switch's own.
const (
	aliceTone = 700
	bobTone   = 1000
	carolTone = 1300
)

// stepTime bounds every single thing that the demo waits for.
const stepTime = 10 * time.Second

func (d *demo) run(ctx context.Context) error {
	defer d.hangUpPhones()
	for _, s := range slices.Concat(d.forwarding(), d.transferring(), d.phoneTransfers(), d.scripted()) {
		sctx, cancel := context.WithTimeout(ctx, stepTime)
		err := s.do(sctx)
		cancel()
		if err != nil {
			fmt.Fprintf(d.out, "  ✗  %s\n     %v\n", s.title, err)
			fmt.Fprint(d.out, d.ladder())
			return fmt.Errorf("demo: %s: %w", s.title, err)
		}
		d.steps++
		fmt.Fprintf(d.out, "  ✓  %s\n", s.title)
	}
	fmt.Fprint(d.out, d.ladder())
	fmt.Fprintf(d.out, "\nall %d steps were observed by the phones\n", d.steps)
	return nil
}

// step is one thing that the demo does and observes.
type step struct {
	title string
	do    func(context.Context) error
}

// forwarding is steered over the Ozeki API.
func (d *demo) forwarding() []step {
	return []step{
		{"three phones register: 2000 (alice), 2001 (bob), 2002 (carol)", d.register},
		{"alice calls bob, bob's phone rings", d.ring},
		{"ForwardCall to 2002: bob stops ringing, carol rings, alice still hears ringing", d.forward},
		{"carol answers: alice and carol hear each other", d.answer},
		{"SendDTMF to the callee: carol's phone gets 01234#, alice's gets nothing", d.digits},
		{"Hold: they hear music, not each other", d.hold},
		{"Unhold: they hear each other again", d.unhold},
		{"BlindTransfer by the callee to 2001: bob rings, alice hears ringback", d.transfer},
		{"bob answers: alice and bob hear each other, carol is released", d.transferred},
		{"ListActiveCalls shows the call", d.list},
		{"Hangup: both phones are hung up, the list is empty", d.hangup},
	}
}

// say adds a line to the account.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "       "+format+"\n", args...)
}

func (d *demo) newPhone(number string) (*phone.Phone, error) {
	return phone.New(phone.Config{Number: number, Password: string(demoPassword), Domain: "example.com",
		Server: d.sw.SIP[0].Addr.String(), Local: "127.0.0.1:0", Codecs: []string{"PCMU", "PCMA"}})
}

func (d *demo) register(ctx context.Context) (err error) {
	for number, p := range map[string]**phone.Phone{"2000": &d.alice, "2001": &d.bob, "2002": &d.carol} {
		if *p, err = d.newPhone(number); err != nil {
			return err
		}
		if err := (*p).Register(ctx, 300); err != nil {
			return fmt.Errorf("phone %s: %w", number, err)
		}
	}
	return nil
}

func (d *demo) hangUpPhones() {
	for _, p := range []*phone.Phone{d.alice, d.bob, d.carol, d.line} {
		if p != nil {
			p.Close()
		}
	}
}

// rings waits until a phone is called and lets it ring.
func rings(ctx context.Context, p *phone.Phone) (*phone.Call, error) {
	call, err := p.WaitCall(ctx)
	if err != nil {
		return nil, err
	}
	return call, call.Ring()
}

func (d *demo) ring(ctx context.Context) (err error) {
	if d.fromAlice, err = d.alice.Dial(ctx, "2001"); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	if err := d.fromAlice.WaitRinging(ctx); err != nil {
		return fmt.Errorf("alice hears no ringing: %w", err)
	}
	call, err := d.api.only(ctx)
	if err != nil {
		return err
	}
	d.id = call.CallID
	d.say("ListActiveCalls: CallId %s, %s -> %s, %s", call.CallID, call.Source, call.Destination, call.CallState)
	return expect("CallState", call.CallState, "Ringing")
}

func (d *demo) forward(ctx context.Context) (err error) {
	if err := d.api.do(ctx, "ForwardCall", "CallId", d.id, "Destination", "2002"); err != nil {
		return err
	}
	if d.toCarol, err = rings(ctx, d.carol); err != nil {
		return err
	}
	if _, err := d.toBob.WaitEnd(ctx); err != nil {
		return fmt.Errorf("bob still rings: %w", err)
	}
	if d.bob.Received("CANCEL", 0) == 0 {
		return errors.New("bob's phone got no CANCEL")
	}
	if _, err := d.fromAlice.WaitStatus(ctx, 181); err != nil {
		return fmt.Errorf("alice is not told: %w", err)
	}
	call, err := d.api.only(ctx)
	if err != nil {
		return err
	}
	d.say("ListActiveCalls: CallId %s, %s -> %s", call.CallID, call.Source, call.Destination)
	return errors.Join(expect("CallId", call.CallID, d.id), expect("Destination", call.Destination, "2002"))
}

func (d *demo) answer(ctx context.Context) error {
	if err := d.toCarol.Answer(); err != nil {
		return err
	}
	if err := d.fromAlice.WaitAnswer(ctx); err != nil {
		return err
	}
	d.fromAlice.Media.SendTone(aliceTone)
	d.toCarol.Media.SendTone(carolTone)
	return d.hear(ctx, d.fromAlice, carolTone, d.toCarol, aliceTone)
}

// hear waits until each of two phones hears the other's tone.
func (d *demo) hear(ctx context.Context, a *phone.Call, aHears int, b *phone.Call, bHears int) error {
	if err := a.Media.WaitTone(ctx, aHears); err != nil {
		return fmt.Errorf("no tone of %d Hz: %w", aHears, err)
	}
	if err := b.Media.WaitTone(ctx, bHears); err != nil {
		return fmt.Errorf("no tone of %d Hz: %w", bHears, err)
	}
	d.say("heard: %d Hz and %d Hz", aHears, bHears)
	return nil
}

func (d *demo) digits(ctx context.Context) error {
	if err := d.api.do(ctx, "SendDTMF", "CallId", d.id, "Party", "callee", "Keys", "01234#"); err != nil {
		return err
	}
	if err := d.toCarol.Media.WaitDigits(ctx, "01234#"); err != nil {
		return err
	}
	if got := d.fromAlice.Media.DigitString(); got != "" {
		return fmt.Errorf("alice's phone got %q", got)
	}
	return d.hear(ctx, d.fromAlice, carolTone, d.toCarol, aliceTone)
}

func (d *demo) hold(ctx context.Context) error {
	if err := d.api.do(ctx, "Hold", "CallId", d.id); err != nil {
		return err
	}
	for ctx.Err() == nil {
		apart := !d.fromAlice.Media.Hears(carolTone, 200*time.Millisecond) && !d.toCarol.Media.Hears(aliceTone, 200*time.Millisecond)
		if apart && !d.fromAlice.Media.Silent(200*time.Millisecond) {
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
	return errors.New("they still hear each other, or no music")
}

func (d *demo) unhold(ctx context.Context) error {
	if err := d.api.do(ctx, "Unhold", "CallId", d.id); err != nil {
		return err
	}
	return d.hear(ctx, d.fromAlice, carolTone, d.toCarol, aliceTone)
}

func (d *demo) transfer(ctx context.Context) (err error) {
	if err := d.api.do(ctx, "BlindTransfer", "CallId", d.id, "TransferorParty", "callee", "Target", "2001"); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	if err := d.fromAlice.Media.WaitTone(ctx, 440); err != nil {
		return fmt.Errorf("alice hears no ringback: %w", err)
	}
	return nil
}

func (d *demo) transferred(ctx context.Context) error {
	if err := d.toBob.Answer(); err != nil {
		return err
	}
	d.toBob.Media.SendTone(bobTone)
	if err := d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone); err != nil {
		return err
	}
	if _, err := d.toCarol.WaitEnd(ctx); err != nil {
		return fmt.Errorf("carol was not released: %w", err)
	}
	return nil
}

func (d *demo) list(ctx context.Context) error {
	call, err := d.api.only(ctx)
	if err != nil {
		return err
	}
	d.say("CallId %s, %s -> %s, %s, rang %s s, talks %s s", call.CallID, call.Source, call.Destination, call.CallState,
		call.RingDuration, call.TalkDuration)
	return errors.Join(expect("CallId", call.CallID, d.id), expect("Source", call.Source, "2000"),
		expect("Destination", call.Destination, "2001"), expect("CallState", call.CallState, "InCall"))
}

func (d *demo) hangup(ctx context.Context) error {
	if err := d.api.do(ctx, "Hangup", "CallId", d.id); err != nil {
		return err
	}
	for _, c := range []*phone.Call{d.fromAlice, d.toBob} {
		if _, err := c.WaitEnd(ctx); err != nil {
			return err
		}
	}
	calls, err := d.api.list(ctx)
	if err == nil && len(calls) > 0 {
		err = fmt.Errorf("%d calls are still listed", len(calls))
	}
	return err
}

// ladder draws the calls that the tracer has seen.
func (d *demo) ladder() string {
	var b strings.Builder
	for _, id := range d.tracer.known() {
		b.WriteString(d.tracer.draw(id))
	}
	return b.String()
}

// known are the calls that have not been drawn yet.
func (t *tracer) known() []callstate.CallID {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]callstate.CallID, 0, len(t.calls))
	for id := range t.calls {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// pause waits a moment, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func expect(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s is %q, expected %q", what, got, want)
	}
	return nil
}
