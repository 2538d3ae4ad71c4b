package callstate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// script is a call as a transcript: blocks of events, a line of dashes, and the commands that must follow.
type script struct {
	head   []string // comments and settings
	blocks []block
}

type block struct {
	events []string
	want   string
}

func readScript(text string) (s script) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		events, want, _ := strings.Cut(strings.TrimSpace(part)+"\n", "----\n")
		b := block{want: want}
		for line := range strings.Lines(events) {
			line = strings.TrimSpace(line)
			if len(s.blocks) == 0 && len(b.events) == 0 && isHead(line) {
				s.head = append(s.head, line)
			} else {
				b.events = append(b.events, line)
			}
		}
		if len(b.events) > 0 {
			s.blocks = append(s.blocks, b)
		}
	}
	return s
}

func isHead(line string) bool {
	return strings.HasPrefix(line, "#") || strings.HasPrefix(line, "settings ") || strings.HasPrefix(line, "given ") ||
		strings.HasPrefix(line, "extension ") || line == "media by hand" || line == "letters by hand"
}

// set reads the head of a script: what is not the default.
func (d *desk) set(line string) {
	for _, f := range strings.Fields(strings.TrimPrefix(line, "settings ")) {
		k, v, _ := strings.Cut(f, "=")
		set := &d.call.Settings
		var err error
		switch k {
		case "hops":
			_, err = fmt.Sscan(v, &set.Hops)
		case "retries":
			_, err = fmt.Sscan(v, &set.Transfer.Retries)
		case "codes": // off, as long as a script does not ask for them
			set.Features = DefaultSettings().Features
		case "on-fail":
			set.Transfer.OnFail = v
		case "decide":
			set.Decide, err = time.ParseDuration(v)
		case "max":
			set.MaxCall, err = time.ParseDuration(v)
		default:
			err = fmt.Errorf("no such setting: %s", k)
		}
		if err != nil {
			panic(err)
		}
	}
}

// configure reads the rights and wishes of an extension: "extension 2001 outbound always=2002 busy=2003 no-answer=2004".
func (d *desk) configure(line string) {
	f := strings.Fields(line)
	x := d.call.dir.Extensions[f[1]]
	x.Number = f[1]
	for _, f := range f[2:] {
		switch k, v, _ := strings.Cut(f, "="); k {
		case "outbound":
			x.Outbound = true
		case "app":
			x.App = true
		case "connected-line":
			x.ConnectedLine = true
		case "pickup":
			x.Pickup = v
		case "always":
			x.Forward.Always = v
		case "busy":
			x.Forward.Busy = v
		case "no-answer":
			x.Forward.NoAnswer = v
		default:
			panic("no such setting of an extension: " + f)
		}
	}
	d.call.dir.Extensions[f[1]] = x
}

// play gives the call one line of events; unless media is played by hand, its results follow at once.
func (d *desk) play(line string, byHand bool) (cmds []Command, err error) {
	all, err := d.house.play(line, byHand)
	for _, s := range all {
		cmds = append(cmds, s.cmd)
	}
	return cmds, err
}

// run plays a script and returns it with the commands that really followed. What was given before is not shown; such a
// script may also leave the end of the call to be played.
func (s script) run() (string, *desk, error) {
	d := newDesk(exampleDirectory())
	byHand := slices.Contains(s.head, "media by hand")
	d.slow = slices.Contains(s.head, "letters by hand")
	var out strings.Builder
	for _, line := range s.head {
		fmt.Fprintln(&out, line)
		if strings.HasPrefix(line, "settings ") {
			d.set(line)
		}
		if strings.HasPrefix(line, "extension ") {
			d.configure(line)
		}
		if given, ok := strings.CutPrefix(line, "given "); ok {
			for line := range strings.SplitSeq(given, " | ") {
				if _, err := d.play(line, false); err != nil {
					return "", d, err
				}
			}
		}
	}
	for i, b := range s.blocks {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		var answer strings.Builder
		for _, line := range b.events {
			fmt.Fprintln(&out, line)
			if strings.HasPrefix(line, "#") {
				continue
			}
			all, err := d.house.play(line, byHand)
			if err != nil {
				return "", d, fmt.Errorf("%s: %w", line, err)
			}
			for _, s := range all {
				by := ""
				if s.by != d {
					by = callName(s.by.id, true) + ": "
				}
				fmt.Fprintln(&answer, by+s.by.write(s.cmd))
			}
		}
		fmt.Fprintf(&out, "----\n%s", answer.String())
	}
	return out.String(), d, nil
}

// TestScripts plays every call in testdata. With -rewrite the commands are written anew; read the difference.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, d, err := readScript(string(b)).run()
			if err != nil {
				t.Fatal(err)
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(b) {
				t.Errorf("expected\n%s\ngot\n%s", b, got)
			}
			if given := slices.ContainsFunc(readScript(string(b)).head, func(line string) bool {
				return strings.HasPrefix(line, "given ")
			}); given {
				d.finishOff()
			} else {
				d.settled()
			}
			for _, fault := range d.faults() {
				t.Error(fault)
			}
		})
	}
}

// edgeCases are those of the catalogue of edge cases that the core decides; the others are decided by sip, media or
// control. Each has a script that names it in its first line, or a test that names it in its comment.
var edgeCases = strings.Fields(`I1 I5 I6 I7 I9 I10
	S1 S3 S4 S5 S9 S11 S12 S13 S15 S16 S17 S21 S24
	E1 E6 E8 E9 E10 E11
	R1 R5 R7 R8 R10
	T1 T3 T4 T5 T6 T7 T8 T9 T10 T11 T12 T13 T14 T17 T20 T26 T27 T28 T29 T30 T31 T32 T33 T34 T35 T37
	P1 P2 P3 P4 P5 P6 P7 P8 P9 P12 P14 P15 P16 P17 P18 P19 P20 P21 P22 P23 P24
	F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14
	H1 H2 H4 H5 H7 H8 H9 H10 H12 H14
	M1 M2 M4 M22
	N14
	D7 D9 D10 D12 D14 D16
	A1 A2 A3 A6 A7 A8 A12`)

// TestDialKeepsWhatItShows: a Dial is read later and elsewhere, so nothing that it points to may change any more.
func TestDialKeepsWhatItShows(t *testing.T) {
	d := newDesk(exampleDirectory())
	var dials []Dial
	var were [][]byte
	play := func(line string) {
		cmds, err := d.play(line, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, cmd := range cmds {
			if dial, ok := cmd.(Dial); ok {
				dials, were = append(dials, dial), append(were, mustJSON(dial))
			}
		}
	}
	play("invite 1 from 2000 to 2001")
	play("located 1")
	for i := range 5 {
		play(fmt.Sprintf("request forward to %d", 2002+i%2))
		play("located 1")
	}
	if last := dials[len(dials)-1]; len(dials) != 6 || len(last.Diversions) != 5 || last.Diversions[0].Number != "2003" {
		t.Errorf("after five forwards: %+v", dials)
	}
	for i, dial := range dials {
		if now := mustJSON(dial); string(now) != string(were[i]) {
			t.Errorf("a Dial changed after it was given out:\n%s\n%s", were[i], now)
		}
	}
}
