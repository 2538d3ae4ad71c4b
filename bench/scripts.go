package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ringdown/bench/phone"
)

// The API extension of the scenario "scripts", and what its application answers every call with.
const (
	scriptNumber = "9990"
	endlessPlay  = `<?xml version="1.0"?> <Response> <Play Repeat="true">tone.wav</Play> </Response>`
)

// application answers every notification with one script.
type application struct {
	url    string
	server *http.Server
	done   sync.WaitGroup
}

func startApplication(script string) (*application, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &application{url: "http://" + ln.Addr().String() + "/"}
	a.server = &http.Server{ReadTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(w, script)
	})}
	a.done.Go(func() { a.server.Serve(ln) })
	return a, nil
}

func (a *application) close() {
	a.server.Close()
	a.done.Wait()
}

// toneFile is a WAV file of two seconds of a tone at 8000 Hz.
func toneFile(hz int) []byte {
	samples := make([]int16, 16000)
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*float64(hz*i)/8000))
	}
	size := uint32(2 * len(samples))
	var b bytes.Buffer
	for _, v := range []any{[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(8000),
		uint32(16000), uint16(2), uint16(16), []byte("data"), size, samples} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

// scripted is the outcome of the scenario "scripts".
type scripted struct {
	held
	packets, lost, odd int           // odd: duplicates, late and backward ones
	gap                time.Duration // the longest without a packet at any phone
}

// runScripts is the scenario "scripts": so many phones call an API extension, and each is played to without an end.
func runScripts(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "ringdown-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "media-files") // the default
	if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(filepath.Join(folder, "tone.wav"), toneFile(540), 0o600)); err != nil {
		return err
	}
	app, err := startApplication(endlessPlay)
	if err != nil {
		return err
	}
	defer app.close()
	o.users.count = max(o.users.count, o.calls)
	t, err := startRingdown(ctx, dir, o.binary, o.users, nil,
		fmt.Sprintf("api_extensions: [{number: %q, url: %q}]\n", scriptNumber, app.url))
	if err != nil {
		return err
	}
	s := &scripted{held: held{what: "scripts", system: t.name, calls: o.calls, goroutines: -1}}
	s.play(ctx, o, t)
	s.fault(t.stop())
	return o.reportScripts(s)
}

// play sets the calls up, listens, and hangs up.
func (s *scripted) play(ctx context.Context, o options, t *target) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.seconds)*time.Second+2*time.Minute)
	defer cancel()
	var phones []*phone.Phone
	var calls []*phone.Call
	defer func() {
		for _, p := range phones {
			p.Close()
		}
	}()
	for i := range o.calls {
		p, err := phone.New(phone.Config{Number: o.users.number(i), Password: o.users.password, Server: t.sip, Deaf: true, Transcript: 50})
		if s.fault(err); err != nil {
			return
		}
		phones = append(phones, p)
		c, err := reach(ctx, p)
		if s.fault(err); err != nil {
			return
		}
		calls = append(calls, c)
	}
	s.fault(pause(ctx, time.Second)) // all are played to
	before := make([]phone.Stats, len(calls))
	for i, c := range calls {
		c.Media.Mark()
		before[i] = c.Media.Stats()
	}
	a, err := t.look()
	s.fault(err)
	s.fault(pause(ctx, time.Duration(o.seconds)*time.Second))
	w, err := t.since(a)
	s.window = w
	s.fault(err)
	for i, c := range calls {
		now := c.Media.Stats()
		s.packets += now.Packets - before[i].Packets
		s.lost += now.Lost - before[i].Lost
		s.odd += now.Duplicates + now.Late + now.Backward + now.Bad
		s.gap = max(s.gap, c.Media.Gap())
	}
	for _, c := range calls {
		s.fault(c.Hangup())
	}
	s.fault(t.awaitNoCalls(ctx))
}

// reach registers a phone and has it call the API extension.
func reach(ctx context.Context, p *phone.Phone) (*phone.Call, error) {
	if err := p.Register(ctx, 3600); err != nil {
		return nil, err
	}
	c, err := p.Dial(ctx, scriptNumber)
	if err != nil {
		return nil, err
	}
	return c, c.WaitAnswer(ctx)
}

// reportScripts prints the run and appends its row.
func (o options) reportScripts(s *scripted) error {
	if err := s.clean(); err != nil {
		return err
	}
	want := int(s.window.seconds() * 50 * float64(s.calls))
	return o.record(scriptTable, s.system, s.window, []cell{
		{"calls", fmt.Sprint(s.calls)},
		{"seconds", fmt.Sprint(o.seconds)}, {"packets", fmt.Sprint(s.packets)}, {"due", fmt.Sprint(want)},
		{"lost", fmt.Sprint(s.lost)}, {"out of order", fmt.Sprint(s.odd)}, {"longest gap ms", milliseconds(s.gap)},
		{"CPU s / 1000", fmt.Sprintf("%.2f", s.per1000())},
	})
}
