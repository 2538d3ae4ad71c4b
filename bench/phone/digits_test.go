package phone

import (
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
)

// RFC 4733: how long a key is down, how long it rests, and which of its packets get lost, are as told.
func TestPressTiming(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: time.Millisecond}, nil)
		out, in := connect(t, alice, bob)
		out.Media.SendTone(440)
		for _, p := range []Press{
			{Digit: '1', Down: 60 * time.Millisecond, Pause: 200 * time.Millisecond},
			{Digit: '1', LostBegins: 2},
			{Digit: '*', LostEnds: 2},
			{Digit: '#', LostEnds: 3},
			{Digit: '9', Down: time.Second},
		} {
			must(t, out.Media.Press(p))
		}
		must(t, in.Media.WaitDigits(t.Context(), "11*#9"))
		d := in.Media.Digits()
		for i, want := range []struct {
			marker        bool
			ends, packets int
			duration      uint16
		}{
			{true, 3, 2 + 3, 3 * 160}, {false, 3, 2 + 3, 5 * 160}, {true, 1, 4 + 1, 5 * 160}, {true, 0, 4, 4 * 160}, {true, 3, 49 + 3, 50 * 160},
		} {
			if d := d[i]; d.Marker != want.marker || d.Ends != want.ends || len(d.Packets) != want.packets || d.Duration != want.duration {
				t.Errorf("%d: marker %v, %d ends, %d packets, duration %d", i, d.Marker, d.Ends, len(d.Packets), d.Duration)
			}
		}
		if rest := d[1].At.Sub(d[0].At); rest != 60*time.Millisecond+200*time.Millisecond+40*time.Millisecond { // 2 packets lost
			t.Errorf("the second digit began %v after the first", rest)
		}
		if s := in.Media.Stats(); s.Lost != 2+2+3 || s.Backward != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestKeyDownAndUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: time.Millisecond}, nil)
		out, in := connect(t, alice, bob)
		if out.Media.KeyUp() == nil {
			t.Error("a key was let go that nobody pressed")
		}
		must(t, out.Media.KeyDown('5'))
		must(t, out.Media.Press(Press{Digit: '6'})) // waits for its turn
		time.Sleep(700 * time.Millisecond)
		if d := in.Media.Digits(); len(d) != 1 || d[0].Ends != 0 {
			t.Fatalf("%+v", d)
		}
		must(t, out.Media.KeyUp())
		must(t, in.Media.WaitDigits(t.Context(), "56"))
		if d := in.Media.Digits()[0]; d.Ends != 3 || d.Duration < 35*160 || d.Duration > 37*160 {
			t.Errorf("%d ends, duration %d", d.Ends, d.Duration)
		}
	})
}

func TestInfoDigits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		alice, bob, _ := couple(t, memnet.Options{Delay: time.Millisecond}, nil)
		out, in := connect(t, alice, bob)
		for i, d := range "5*#A" {
			m, err := out.SendDigitInfo(t.Context(), d, 160, []string{DTMF, DTMFRelay}[i%2])
			must(t, err)
			if m.Status != 200 {
				t.Error(m)
			}
		}
		for body, contentType := range map[string]string{"Signal= 11\nDuration=1": DTMFRelay + ";x=y", "10": DTMF} {
			_, err := out.Info(t.Context(), contentType, body)
			must(t, err)
			_, err = out.Info(t.Context(), "text/plain", "7")
			must(t, err)
		}
		must(t, out.Media.Press(Press{Digit: '3'}))
		must(t, out.Media.SendDigitInband('8', 100))
		must(t, in.Media.WaitDigits(t.Context(), "3"))
		must(t, in.Media.WaitInband(t.Context(), "8"))
		synctest.Wait()
		got := in.Digits()
		if got.Info != "5*#A#*" && got.Info != "5*#A*#" || got.Events != "3" || got.Inband != "8" {
			t.Errorf("%+v", got)
		}
		must(t, in.WaitInfoDigits(t.Context(), got.Info))
		m, err := in.WaitRequest(t.Context(), "INFO", 2)
		must(t, err)
		if string(m.Body) != "Signal=*\r\nDuration=160\r\n" {
			t.Errorf("%q", m.Body)
		}
	})
}
