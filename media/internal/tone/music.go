package tone

import "math"

// The built-in music: broken chords on a soft plucked string, 16 s long, four bars of eight notes.
const (
	note = 2 // to a second
	ring = 3 // a note sounds on under the next ones
)

var bars = [4][8]int{ // semitones above A3 (220 Hz)
	{3, 7, 10, 15, 19, 15, 10, 7},  // C
	{0, 7, 12, 15, 19, 15, 12, 7},  // A minor
	{-4, 3, 8, 12, 15, 12, 8, 3},   // F
	{-2, 5, 10, 14, 17, 14, 10, 5}, // G
}

// music renders the bars. The ends of the last notes are laid over the beginning, so that the loop has no seam.
func music(rate int) []float64 {
	length := rate / note
	out := make([]float64, len(bars)*len(bars[0])*length)
	at := 0
	for _, bar := range bars {
		for _, semitone := range bar {
			f := 220 * math.Pow(2, float64(semitone)/12)
			for i := range ring * length {
				out[(at+i)%len(out)] += pluck(f, float64(i)/float64(rate))
			}
			at += length
		}
	}
	return out
}

// pluck is a note at t seconds: three harmonics under a decay, with a short attack and an end at zero.
func pluck(f, t float64) float64 {
	envelope := math.Exp(-3*t) * min(t/0.005, 1) * min((ring/float64(note)-t)/0.05, 1)
	x := 2 * math.Pi * f * t
	return 0.12 * envelope * (math.Sin(x) + 0.35*math.Sin(2*x) + 0.12*math.Sin(3*x))
}
