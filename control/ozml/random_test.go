package ozml

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestNoKeyLost: whenever keys are pressed, each that was taken comes out once and in its place: in the digits of an
// input, as an Input, or still waiting for the next script. Half of them are pressed at the very moments in which prompts,
// pauses and time-outs end.
func TestNoKeyLost(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			var script strings.Builder
			script.WriteString("<Response>")
			for range 1 + rnd.IntN(30) {
				script.WriteString(listening(rnd))
			}
			script.WriteString("</Response>")
			s, err := Parse([]byte(script.String()))
			if err != nil {
				t.Fatal(err)
			}
			f := &fake{t: t, ext: true, start: time.Now(), keys: NewKeys(), answers: map[string]string{"u": "", "v": `<Response><Speak>x</Speak></Response>`}}
			pressed, done := "", make(chan struct{})
			go func() {
				defer close(done)
				for range rnd.IntN(60) {
					switch wait := time.Duration(rnd.IntN(8)) * 500 * time.Millisecond; rnd.IntN(4) {
					case 0: // together with the one before
					case 1:
						time.Sleep(wait + time.Duration(rnd.IntN(500))*time.Millisecond)
					default:
						time.Sleep(wait)
					}
					if k := "1234"[rnd.IntN(4)]; f.keys.Press(k) {
						pressed += string(k)
					}
				}
			}()
			if end := Run(t.Context(), s, f, Limits{}); end != Ended {
				t.Error(end)
			}
			<-done
			got := ""
			for _, line := range f.log {
				for _, mark := range []string{"DtmfDigits=", "SendDTMF keys="} {
					if _, digits, there := strings.Cut(line, mark); there {
						got += digits
					}
				}
			}
			used := len(got)
			for {
				k, ok := f.keys.take()
				if !ok {
					break
				}
				got += string(k)
			}
			if got != pressed {
				t.Fatalf("seed %d: pressed %s, %d came out, with the rest: %s\n%s\n%s", seed, pressed, used, got, script.String(), strings.Join(f.log, "\n"))
			}
		})
	}
}

// listening is an element that takes no key, or one that tells of every key that it takes.
func listening(rnd *rand.Rand) string {
	prompt := []string{"", "<Speak>p</Speak>", "<Delay>1.5</Delay>", "<Beep/><Delay>0.5</Delay><Speak>q</Speak>", "<Hold/>"}[rnd.IntN(5)]
	url := []string{"u", "v", "gone"}[rnd.IntN(3)]
	digits := []string{"", "MaxDigits='3'", "MaxDigits='2'", "Digits='1'"}[rnd.IntN(4)]
	inputs := []string{"", "<Input key='12'><SendDTMF Keys='12'/></Input>", "<Input key='1'><SendDTMF Keys='1'/></Input><Input key='123'><SendDTMF Keys='123'/><Beep/></Input>"}[rnd.IntN(3)]
	if rnd.IntN(4) == 0 {
		return prompt
	}
	return fmt.Sprintf("<UserInput Timeout='%d' %s ForwardToUrl='%s'><InitialCommands>%s</InitialCommands><Inputs>%s</Inputs></UserInput>",
		rnd.IntN(3), digits, url, prompt, inputs)
}

// TestKeys: the queue itself.
func TestKeys(t *testing.T) {
	k := NewKeys()
	for _, bad := range []byte("eE x\x00,p") {
		if k.Press(bad) {
			t.Errorf("%q is no key", bad)
		}
	}
	for i := range TypeAhead {
		if !k.Press("0123456789*#ABCDabcd"[i%20]) {
			t.Fatal(i)
		}
	}
	if k.Press('1') {
		t.Error("more keys wait than may")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, want := range []byte("0123456789*#ABCDABCD") {
		if got, err := k.Next(ended); err != nil || got != want { // a key that waits is there, whatever the context
			t.Errorf("%q, %v, not %q", got, err, want)
		}
	}
	for k.pressed() {
		k.take()
	}
	if _, err := k.Next(ended); err != context.Canceled {
		t.Error(err)
	}
	k.Press('7')
	if got, err := k.Next(t.Context()); got != '7' || err != nil {
		t.Error("the wait that was given up took a key", got, err)
	}
}

// FuzzRun: any script, with any keys, ends within its limits, tells of one limit at most and then does nothing more.
func FuzzRun(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13"), "1*2#", true)
	f.Add([]byte("\x0c\x03\x01\x02\x0d\x04\x0c\x0c\x0c\x0b\x00\x0a\x01\x0a\x02\x09\x09"), "", true)
	f.Add([]byte("\x08\x02\x09\x01\x09\x09\x08\x07\x06\x05\x04\x03\x02\x01\x00\x0b\x0b\x0b\x0b"), "12345678901234567890", false)
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		data := make([]byte, 200)
		for i := range data {
			data[i] = byte(rnd.IntN(256))
		}
		f.Add(data, "11112222**##", true)
	}
	f.Fuzz(func(t *testing.T, data []byte, keys string, ext bool) {
		g := &grower{data: data}
		document := "<Response>" + g.list(0) + "</Response>"
		limits := Limits{Steps: 300, Jumps: 5, Time: time.Hour}
		synctest.Test(t, func(t *testing.T) {
			s, err := Parse([]byte(document))
			if err != nil {
				t.Skip(err)
			}
			fake := &fake{t: t, ext: ext, start: time.Now(), keys: NewKeys(), answers: map[string]string{"again": document, "nothing": "", "broken": "<"}}
			ctx, cancel := context.WithCancel(t.Context())
			pressed := make(chan struct{})
			go func() {
				defer close(pressed)
				for i := range keys {
					select {
					case <-time.After(time.Duration(i%7) * 700 * time.Millisecond):
						fake.keys.Press(keys[i])
					case <-ctx.Done():
						return
					}
				}
			}()
			end := Run(ctx, s, fake, limits)
			cancel()
			<-pressed
			if took := time.Since(fake.start); took > limits.Time {
				t.Errorf("%v", took)
			}
			told, orders := 0, 0
			for _, line := range fake.log {
				if told > 0 {
					t.Errorf("after the end: %s", line)
				}
				if strings.Contains(line, "the script is ended") {
					told++
				}
				if strings.Contains(line, "s Speak") || strings.Contains(line, "s Hold") {
					orders++
				}
			}
			if (end == Limited) != (told == 1) || end == Stopped || end == Left || orders > 2*limits.Steps {
				t.Errorf("%v, %d limits told, %d commands\n%s", end, told, orders, document)
			}
		})
	})
}

// grower makes a script of bytes.
type grower struct {
	data []byte
	size int
}

func (g *grower) next(n int) int {
	if len(g.data) == 0 {
		return 0
	}
	b := int(g.data[0])
	g.data = g.data[1:]
	return b % n
}

func (g *grower) list(depth int) string {
	var b strings.Builder
	for n := g.next(5); n > 0 && len(g.data) > 0 && depth < 12 && g.size < 150; n-- {
		g.size++
		b.WriteString(g.element(depth + 1))
	}
	return b.String()
}

func (g *grower) element(depth int) string {
	name := "abc"[g.next(3):][:1]
	text := []string{"$a", "$item", "x", "$$b$a$a", "3", "again", ""}[g.next(7)]
	switch g.next(14) {
	case 0:
		return "<Speak>" + text + "</Speak>"
	case 1:
		return "<Hold/>"
	case 2:
		return "<Delay>" + []string{"1", "0.5", "$a", "99999", "3600"}[g.next(5)] + "</Delay>"
	case 3:
		return "<Var ID='" + name + "'>" + text + "</Var>"
	case 4:
		return "<Array ID='" + name + "'>" + strings.Repeat("<item>"+text+"</item>", g.next(6)) + "</Array>"
	case 5, 6:
		return "<ForEach Source='" + name + "'>" + g.list(depth) + "</ForEach>"
	case 7:
		return "<GoTo>" + []string{"again", "nothing", "gone", "broken", "$a"}[g.next(5)] + "</GoTo>"
	case 8:
		return "<Exit/>"
	case 9:
		return "<Foo>" + g.list(depth) + "</Foo>"
	case 10:
		return "<Reject/>"
	}
	return fmt.Sprintf("<UserInput Timeout='%d' Repeat='%v' BackKey='%s' MaxDigits='%d' ForwardToUrl='%s'><InitialCommands>%s</InitialCommands><Inputs><Input key='1'>%s</Input><Input key='12'>%s</Input></Inputs></UserInput>",
		g.next(9), g.next(2) == 1, []string{"", "*", "1"}[g.next(3)], 1+g.next(4), []string{"", "again", "nothing"}[g.next(3)],
		g.list(depth+1), g.list(depth+2), g.list(depth+2))
}
