package media

import (
	"context"
	"fmt"
	"math"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/dtmf"
	"ringdown/media/internal/tone"
)

// The bounds of a beep. Telephones carry little above 3400 Hz.
const (
	minBeep, maxBeep = 100, 3400 // Hz
	longestBeep      = time.Minute
)

// beepLevel is the amplitude of a beep of -10 dBm0: a sine that fills G.711 has 3.14 dBm0 (ITU-T G.711 table 5).
var beepLevel = 32767 * math.Pow(10, (-10-3.14)/20)

// beep names one by what it is made from.
type beep struct {
	hz   int
	long time.Duration
}

// Beep returns the clip of a tone.
func (l *Library) Beep(hz int, long time.Duration) (callstate.Clip, error) {
	switch {
	case hz < minBeep || hz > maxBeep:
		return "", fmt.Errorf("beep: %d Hz cannot be heard on a phone: %d to %d are possible", hz, minBeep, maxBeep)
	case long < dtmf.Slot || long > longestBeep:
		return "", fmt.Errorf("beep: %v is too short or too long: %v to %v are possible", long, dtmf.Slot, longestBeep)
	}
	ctx := context.Background()
	a, _, err := l.find(beep{hz, long}, "beep", readTime, func(ctx context.Context) (loop, error) {
		wide := make([]int16, int(long.Seconds()*tone.WideRate))
		for i := range wide {
			wide[i] = int16(beepLevel * math.Sin(2*math.Pi*float64(hz)*float64(i)/tone.WideRate))
		}
		return cut(ctx, wide)
	})
	if err == nil {
		var clip callstate.Clip
		if clip, err = a.wait(ctx); err == nil {
			return clip, nil
		}
	}
	return "", fmt.Errorf("beep: %w", err)
}
