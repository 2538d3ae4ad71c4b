package tone

import "math"

// The built-in music: broken chords on a soft plucked string, 16 s long, four bars of eight notes.
const (
	noteLength = Rate / 2
	ring       = 3 * noteLength // a note sounds on under the next ones
)

var bars = [4][8]int{ // semitones above A3 (220 Hz)
	{3, 7, 10, 15, 19, 15, 10, 7},  // C
	{0, 7, 12, 15, 19, 15, 12, 7},  // A minor
	{-4, 3, 8, 12, 15, 12, 8, 3},   // F
	{-2, 5, 10, 14, 17, 14, 10, 5}, // G
}

// music renders the bars. The ends of the last notes are laid over the beginning, so that the loop has no seam.
func music() []float64 {
	out := make([]float64, len(bars)*len(bars[0])*noteLength)
	at := 0
	for _, bar := range bars {
		for _, semitone := range bar {
			f := 220 * math.Pow(2, float64(semitone)/12)
			for i := range ring {
				out[(at+i)%len(out)] += pluck(f, i)
			}
			at += noteLength
		}
	}
	return out
}

// pluck is sample i of a note: three harmonics under a decay, with a short attack and an end at zero.
func pluck(f float64, i int) float64 {
	t := float64(i) / Rate
	envelope := math.Exp(-3*t) * min(t/0.005, 1) * min(float64(ring-i)/400, 1)
	x := 2 * math.Pi * f * t
	return 0.12 * envelope * (math.Sin(x) + 0.35*math.Sin(2*x) + 0.12*math.Sin(3*x))
}
