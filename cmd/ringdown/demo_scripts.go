package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ringdown/bench/phone"
)

// What the demo's application has: a number without a phone, and a prompt, which is a tone here.
const (
	demoExtension = "9990"
	demoPrompt    = "prompt.wav"
	promptTone    = 540
)

// The scripts of the demo's application. The second is the vendor's own example of ForwardCall but for the number.
const (
	menuScript = `<?xml version="1.0"?>
<Response>
  <UserInput timeout="5" repeat="true">
    <InitialCommands> <Play>` + demoPrompt + `</Play> </InitialCommands>
    <Inputs> <Input key="1"> <BlindTransfer>2001</BlindTransfer> </Input> </Inputs>
  </UserInput>
</Response>`
	secretaryScript = `<?xml version="1.0"?> <Response> <ForwardCall Destination="2002"></ForwardCall> </Response>`
)

// scripted is steered by an application that answers notifications with OzML.
func (d *demo) scripted() []step {
	return []step{
		{"alice calls " + demoExtension + ": its application answers IncomingCall with a menu, she hears the prompt", d.menu},
		{"she presses 1 while it plays: BlindTransfer to 2001, bob rings, alice hears ringback", d.menuChosen},
		{"bob answers: they hear each other; Record begins", d.menuAnswered},
		{"Hangup: RecordCompleted tells where the recording is, and both voices are in it", d.recording},
		{"alice calls bob; CallChanged Ringing is answered with ForwardCall: carol rings in his place, and answers", d.secretary},
		{"the application was told Ringing, Ringing, Answered, InCall, Completed", d.notified},
		{"Call: " + demoExtension + " calls carol, and plays to her as soon as she answers", d.called},
		{"ListCallHistory shows what became of the calls", d.past},
	}
}

// mediaFolder makes the demo's media folder, with the prompt in it.
func mediaFolder() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "ringdown-demo-"); err != nil {
		return "", err
	}
	return folder, os.WriteFile(filepath.Join(folder, demoPrompt), toneFile(promptTone, 8000, 3*time.Second), 0o600)
}

// toneFile is a WAV file of a tone at a rate in Hz: mono, PCM of 16 bits.
func toneFile(hz, rate int, long time.Duration) []byte {
	samples := make([]int16, int(long.Seconds()*float64(rate)))
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*float64(hz*i)/float64(rate)))
	}
	size := uint32(2 * len(samples))
	var b bytes.Buffer
	for _, v := range []any{[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1), uint32(rate),
		uint32(2 * rate), uint16(2), uint16(16), []byte("data"), size, samples} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

func (d *demo) menu(ctx context.Context) (err error) {
	d.app.answer("IncomingCall", func() (string, error) { return menuScript, nil })
	if d.fromAlice, err = d.alice.Dial(ctx, demoExtension); err != nil {
		return err
	}
	if err := d.fromAlice.WaitAnswer(ctx); err != nil {
		return err
	}
	d.fromAlice.Media.SendTone(aliceTone)
	return d.fromAlice.Media.WaitTone(ctx, promptTone)
}

func (d *demo) menuChosen(ctx context.Context) (err error) {
	if err := d.fromAlice.Media.SendDigit4733('1', 100); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	return d.fromAlice.Media.WaitTone(ctx, 440)
}

func (d *demo) menuAnswered(ctx context.Context) error {
	if err := d.toBob.Answer(); err != nil {
		return err
	}
	d.toBob.Media.SendTone(bobTone)
	if err := d.hear(ctx, d.fromAlice, bobTone, d.toBob, aliceTone); err != nil {
		return err
	}
	call, err := d.api.only(ctx)
	if err != nil {
		return err
	}
	d.id = call.CallID
	if err := d.api.do(ctx, "Record", "CallId", d.id, "Format", "wav", "FinishedUrl", d.app.url+"recorded"); err != nil {
		return err
	}
	pause(ctx, time.Second) // of talk
	return nil
}

func (d *demo) recording(ctx context.Context) error {
	if err := d.api.do(ctx, "Hangup", "CallId", d.id); err != nil {
		return err
	}
	n, err := d.app.wait(ctx, "RecordCompleted", func(n url.Values) bool { return n.Get("NotificationName") == "RecordCompleted" })
	if err != nil {
		return err
	}
	pcm, err := d.fetchRecording(ctx, n.Get("RecordURL"))
	if err != nil {
		return err
	}
	tones := phone.TonesIn(pcm[len(pcm)/4 : len(pcm)*3/4])
	d.say("%s: %.1f s of %v Hz", n.Get("RecordURL"), float64(len(pcm))/8000, tones)
	if !near(tones, aliceTone) || !near(tones, bobTone) {
		return fmt.Errorf("the recording has %v Hz, expected %d and %d", tones, aliceTone, bobTone)
	}
	return nil
}

// near tells whether a tone is among some, within a few Hz.
func near(tones []int, hz int) bool {
	return slices.ContainsFunc(tones, func(t int) bool { return t > hz-8 && t < hz+8 })
}

// fetchRecording downloads a recording as a user of the API, and returns its samples.
func (d *demo) fetchRecording(ctx context.Context, at string) ([]int16, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(demoHTTPUser, string(demoHTTPPassword))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 10<<20))
	switch i := bytes.Index(b, []byte("data")); {
	case err != nil:
		return nil, err
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the recording is answered with %s", res.Status)
	case !bytes.HasPrefix(b, []byte("RIFF")) || i < 0 || len(b) < i+8+16000:
		return nil, errors.New("the recording is no WAV file of at least a second")
	default:
		b = b[i+8:]
	}
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm, nil
}

func (d *demo) secretary(ctx context.Context) (err error) {
	d.app.answer("CallChanged/Ringing", func() (string, error) { return secretaryScript, nil })
	if d.fromAlice, err = d.alice.Dial(ctx, "2001"); err != nil {
		return err
	}
	if d.toBob, err = rings(ctx, d.bob); err != nil {
		return err
	}
	if d.toCarol, err = rings(ctx, d.carol); err != nil {
		return err
	}
	if _, err := d.toBob.WaitEnd(ctx); err != nil {
		return fmt.Errorf("bob still rings: %w", err)
	}
	if err := errors.Join(d.toCarol.Answer(), d.fromAlice.WaitAnswer(ctx)); err != nil {
		return err
	}
	d.fromAlice.Media.SendTone(aliceTone)
	d.toCarol.Media.SendTone(carolTone)
	if err := d.hear(ctx, d.fromAlice, carolTone, d.toCarol, aliceTone); err != nil {
		return err
	}
	call, err := d.api.only(ctx)
	d.id = call.CallID
	return errors.Join(err, d.fromAlice.Hangup())
}

func (d *demo) notified(ctx context.Context) error {
	_, err := d.app.wait(ctx, "the end", func(n url.Values) bool {
		return n.Get("CallId") == d.id && n.Get("CallState") == "Completed"
	})
	if err != nil {
		return err
	}
	return expect("the states", fmt.Sprint(d.app.states(d.id)), "[Ringing Ringing Answered InCall Completed]")
}

func (d *demo) called(ctx context.Context) (err error) {
	d.app.answer("CallConnected", func() (string, error) { return `<Response><Play>` + demoPrompt + `</Play></Response>`, nil })
	if err := d.api.do(ctx, "Call", "ApiExtension", demoExtension, "Dialed", "2002", "Url", d.app.url); err != nil {
		return err
	}
	if d.toCarol, err = rings(ctx, d.carol); err != nil {
		return err
	}
	if err := d.toCarol.Answer(); err != nil {
		return err
	}
	if err := d.toCarol.Media.WaitTone(ctx, promptTone); err != nil {
		return err
	}
	_, err = d.toCarol.WaitEnd(ctx)
	return err
}

func (d *demo) past(ctx context.Context) error {
	r, err := d.api.get(ctx, "ListCallHistory", "Source", "2000")
	if err != nil {
		return err
	}
	if r.Code != 200 || len(r.History) == 0 {
		return fmt.Errorf("%d %s, %d calls", r.Code, r.Message, len(r.History))
	}
	for _, c := range r.History[:min(len(r.History), 3)] {
		d.say("%s %s -> %s, dialled %s: %s", c.StartTime, c.Source, c.Destination, c.Dialed, c.State)
	}
	last := r.History[0]
	return errors.Join(expect("CallId", last.CallID, d.id), expect("Destination", last.Destination, "2002"),
		expect("State", last.State, "CallerHungUp"))
}
