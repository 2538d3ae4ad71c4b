package dtmf

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

// packet is one telephone-event packet as the detector sees it.
type packet struct {
	at    time.Duration
	ts    uint32
	event uint8
	dur   uint16
	end   bool
	ssrc  uint32
}

// script feeds packets, ticking Expire every 20 ms, and returns what was told: "5/100ms".
func script(packets []packet, until time.Duration) string {
	var d Detector
	var told []string
	tell := func(g Digit) { told = append(told, fmt.Sprintf("%s/%s", Key(g.Event), g.Duration)) }
	for now := time.Duration(0); now <= until; now += ms {
		for len(packets) > 0 && packets[0].at <= now {
			p := packets[0]
			packets = packets[1:]
			r := d.Feed(p.ssrc, p.ts, Payload{Event: p.event, Duration: p.dur, End: p.end}, 8000, true, now)
			for _, g := range r.Ended[:r.N] {
				tell(g)
			}
		}
		if now%Slot == 0 {
			if g, ok := d.Expire(now); ok {
				tell(g)
			}
		}
	}
	return strings.Join(told, " ")
}

func TestDetector(t *testing.T) {
	press := func(at time.Duration, ts uint32, event uint8) []packet {
		return []packet{{at, ts, event, 160, false, 1}, {at + 20*ms, ts, event, 320, false, 1}, {at + 40*ms, ts, event, 480, false, 1},
			{at + 60*ms, ts, event, 800, true, 1}, {at + 80*ms, ts, event, 800, true, 1}, {at + 100*ms, ts, event, 800, true, 1}}
	}
	join := func(lists ...[]packet) (all []packet) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	five := press(0, 1000, 5)
	for _, c := range []struct {
		name    string
		packets []packet
		want    string
	}{
		{"D1: three ends are one digit", five, "5/100ms"},
		{"D2: all ends lost", five[:3], "5/60ms"},
		{"D2: ended by the next one", join(five[:2], press(40*ms, 1800, 6)), "5/40ms 6/100ms"},
		{"D3: only an end packet arrives", five[4:5], "5/100ms"},
		{"D3: the first is lost", five[1:], "5/100ms"},
		{"D4: the same key twice", join(five, press(120*ms, 2600, 5)), "5/100ms 5/100ms"},
		{"D4: the same key twice, ends lost", join(five[:3], press(120*ms, 2600, 5)), "5/60ms 5/100ms"},
		{"D5: duration always 0", []packet{{0, 1, 5, 0, false, 1}, {50 * ms, 1, 5, 0, false, 1}, {100 * ms, 1, 5, 0, true, 1}}, "5/100ms"},
		{"D5: duration shrinks", []packet{{0, 1, 5, 480, false, 1}, {50 * ms, 1, 5, 160, false, 1}, {100 * ms, 1, 5, 320, true, 1}}, "5/60ms"},
		{"late packets after the end", join(five, five[:3]), "5/100ms"},
		{"another SSRC is another digit", join(five, []packet{{200 * ms, 1000, 5, 800, true, 2}}), "5/100ms 5/100ms"},
		{"two at once, each its own end", []packet{{0, 1, 1, 800, false, 1}, {10 * ms, 2000, 2, 400, true, 1}}, "1/100ms 2/50ms"},
		{"D6: long, in segments", []packet{{0, 0, 5, 0xf000, false, 1}, {20 * ms, 0, 5, 0xffff, false, 1},
			{40 * ms, 0xffff, 5, 160, false, 1}, {60 * ms, 0xffff, 5, 465, true, 1}, {80 * ms, 0xffff, 5, 465, true, 1}}, "5/8.25s"},
		{"D6: the segment's last packet is late", []packet{{0, 0, 5, 0xffff, false, 1}, {40 * ms, 0xffff, 5, 160, false, 1},
			{50 * ms, 0, 5, 0xffff, false, 1}, {60 * ms, 0xffff, 5, 465, true, 1}}, "5/8.25s"},
		{"slow sender, 50 ms", []packet{{0, 1, 5, 400, false, 1}, {50 * ms, 1, 5, 800, false, 1}, {150 * ms, 1, 5, 1600, true, 1}}, "5/200ms"},
	} {
		if got := script(c.packets, 2*time.Second); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// The time-out is three update intervals, as measured (edge case D2).
func TestExpiry(t *testing.T) {
	var d Detector
	d.Feed(1, 1, Payload{Event: 5, Duration: 160}, 8000, true, 0)
	d.Feed(1, 1, Payload{Event: 5, Duration: 320}, 8000, true, 20*ms)
	if _, ok := d.Expire(79 * ms); ok {
		t.Error("ended after 59 ms, want 60")
	}
	if _, ok := d.Expire(80 * ms); !ok {
		t.Error("not ended after 60 ms")
	}
	if _, ok := d.Expire(time.Hour); ok || d.Active() {
		t.Error("ended twice")
	}
}

// What was decided at the start of an event holds for all its packets, late ones included.
func TestPassing(t *testing.T) {
	for _, pass := range []bool{true, false} {
		var d Detector
		for i, end := range []bool{false, false, true, true, true} {
			r := d.Feed(1, 1, Payload{Event: 5, Duration: 160, End: end}, 8000, pass == (i == 0), time.Duration(i)*20*ms)
			if r.Pass != pass {
				t.Errorf("packet %d: pass %v, want %v", i, r.Pass, pass)
			}
			if r.N == 1 && r.Ended[0].Passed != pass {
				t.Errorf("told as passed %v, want %v", r.Ended[0].Passed, pass)
			}
		}
	}
}

// run ticks until a sender has nothing left; one letter per slot: an event's updates "5", its ends "E", "t" tone,
// "q" quiet, "." free, and "|" where a string is done.
func run(s *Sender) string {
	var b strings.Builder
	for s.Active() {
		step, _, done := s.Tick()
		switch {
		case step.Act == Event && step.End:
			b.WriteByte('E')
		case step.Act == Event:
			b.WriteString(Key(step.Event))
		case step.Act == Tone:
			b.WriteByte('t')
		case step.Act == Quiet:
			b.WriteByte('q')
		default:
			b.WriteByte('.')
		}
		if done {
			b.WriteByte('|')
		}
	}
	return b.String()
}

func TestSender(t *testing.T) {
	pause := strings.Repeat(".", 25)
	for _, c := range []struct {
		name string
		add  []string // a leading "~" is in-band
		want string
	}{
		{"one", []string{"5"}, "5555EEE|..."},
		{"two", []string{"5#"}, "5555EEE...####EEE|..."},
		{"D14: strings stay whole", []string{"12", "34"}, "1111EEE...2222EEE|...3333EEE...4444EEE|..."},
		{"pause", []string{"1,2"}, "1111EEE..." + pause + "2222EEE|..."},
		{"only a pause", []string{","}, pause + "|"},
		{"tones", []string{"~5", "6"}, "tttttqqqqq|6666EEE|..."},
	} {
		var s Sender
		for i, digits := range c.add {
			rest, inband := strings.CutPrefix(digits, "~")
			if err := s.Add(uint32(i), rest, inband); err != nil {
				t.Fatal(err)
			}
		}
		if got := run(&s); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if s.queued != 0 {
			t.Errorf("%s: %d still counted", c.name, s.queued)
		}
	}
}

func TestSenderLimits(t *testing.T) {
	var s Sender
	if err := s.Add(1, strings.Repeat("1", MaxQueue), false); err != nil {
		t.Error(err)
	}
	if err := s.Add(2, "1", false); err != ErrFull {
		t.Errorf("got %v, want %v", err, ErrFull)
	}
	if ref := s.Drop(); ref != 1 || s.Active() || s.queued != 0 {
		t.Errorf("after Drop: ref %d, active %v, %d queued", ref, s.Active(), s.queued)
	}
}

func TestNormal(t *testing.T) {
	for in, want := range map[string]string{"12ab,*#D": "12AB,*#D", "": "", "1e": "", "1 2": "", "1\x00": "", "é": ""} {
		if got, err := Normal(in); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q %v", in, got, err)
		}
	}
}

// Edge case D13: what has to be ended when the stream is cut off.
func TestWithin(t *testing.T) {
	var s Sender
	s.Add(1, "7", false)
	for slot, want := range []struct {
		slots int
		ok    bool
	}{{0, false}, {1, true}, {2, true}, {3, true}, {4, true}, {5, true}, {5, true}, {0, false}, {0, false}} {
		if event, slots, ok := s.Within(); ok != want.ok || slots != want.slots || ok && event != 7 {
			t.Errorf("slot %d: got %d %d %v, want %+v", slot, event, slots, ok, want)
		}
		s.Tick()
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte{5, 0x8a, 3, 0x20})
	f.Add([]byte{255, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := Read(b)
		if ok != (len(b) >= PayloadSize) {
			t.Fatalf("%d bytes: %v", len(b), ok)
		}
		if !ok {
			return
		}
		var out [PayloadSize]byte
		p.Write(out[:])
		if again, _ := Read(out[:]); again != p {
			t.Fatalf("%+v became %+v", p, again)
		}
	})
}

// Any packets: no panic, and no event is told that was not sent.
func FuzzDetector(f *testing.F) {
	f.Add([]byte{1, 0, 5, 160, 1, 0, 5, 0x80, 2, 1, 6, 10})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Detector
		sent := map[uint8]int{}
		told := map[uint8]int{}
		now := time.Duration(0)
		for ; len(b) >= 4; b = b[4:] {
			now += time.Duration(b[0]) * ms
			if g, ok := d.Expire(now); ok {
				told[g.Event]++
			}
			sent[b[2]]++
			r := d.Feed(uint32(b[1]&1), uint32(b[1])<<8, Payload{Event: b[2], End: b[3]&0x80 != 0, Duration: uint16(b[3]) << 9}, 8000, true, now)
			for _, g := range r.Ended[:r.N] {
				told[g.Event]++
			}
		}
		for e, n := range told {
			if n > sent[e] {
				t.Fatalf("event %d told %d times, %d packets", e, n, sent[e])
			}
		}
	})
}
