package media

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"ringdown/media/internal/g711"
	"ringdown/media/internal/resample"
	"ringdown/media/internal/tone"
)

// reader is what a file holds, read piece by piece: samples from -32768 to 32767, the channels added up to one.
type reader interface {
	Rate() int
	Read([]float64) (int, error) // io.EOF after the last
}

// piece is how many samples are worked on at once.
const piece = 4096

// edge is how long a clip takes to rise and to fall, so that one that begins or ends within a wave does not click.
const edge = 3 * time.Millisecond

// render makes a recording into what is played. Its last frame is filled up with silence.
func render(ctx context.Context, r reader) (loop, error) {
	var wide []int16
	s := resample.NewStream(r.Rate(), tone.WideRate)
	in, out := make([]float64, piece), []float64(nil)
	for n, err := 0, error(nil); err != io.EOF; {
		if ctx.Err() != nil {
			return loop{}, context.Cause(ctx)
		}
		if n, err = r.Read(in); err != nil && err != io.EOF {
			return loop{}, err
		}
		out = s.Convert(out[:0], in[:n])
		if err == io.EOF {
			out = s.End(out)
		}
		wide = append(wide, samples(out)...)
		if len(wide) > int(clipTime.Seconds())*tone.WideRate {
			return loop{}, fmt.Errorf("it is longer than %v", clipTime)
		}
	}
	if len(wide) == 0 {
		return loop{}, fmt.Errorf("there is no audio in it")
	}
	return cut(ctx, wide)
}

// cut makes samples at 16000 Hz into what is played.
func cut(ctx context.Context, wide []int16) (loop, error) {
	soften(wide)
	frames := (len(wide) + tone.WideFrame - 1) / tone.WideFrame
	l := loop{wide: slices.Grow(wide, frames*tone.WideFrame-len(wide))[:frames*tone.WideFrame]}
	clear(l.wide[len(wide):])
	l.wide = slices.Clip(l.wide)
	for i := range l.law {
		l.law[i] = make([]byte, 0, frames*tone.Frame)
	}
	s := resample.NewStream(tone.WideRate, tone.Rate)
	var in, out []float64
	for rest := l.wide; len(rest) > 0; {
		if ctx.Err() != nil {
			return loop{}, context.Cause(ctx)
		}
		n := min(piece, len(rest))
		in = in[:0]
		for _, x := range rest[:n] {
			in = append(in, float64(x))
		}
		rest = rest[n:]
		out = s.Convert(out[:0], in)
		if len(rest) == 0 {
			out = s.End(out)
		}
		for _, x := range samples(out) {
			l.law[tone.MuLaw] = append(l.law[tone.MuLaw], g711.EncodeU(x))
			l.law[tone.ALaw] = append(l.law[tone.ALaw], g711.EncodeA(x))
		}
	}
	return l, nil
}

// soften lets samples rise from silence and fall to it.
func soften(x []int16) {
	n := min(int(edge.Seconds()*tone.WideRate), len(x)/2)
	for i := range n {
		x[i] = int16(int(x[i]) * i / n)
		x[len(x)-1-i] = int16(int(x[len(x)-1-i]) * i / n)
	}
}
