package media

import (
	"errors"
	"fmt"
	"io"
	"os"

	"ringdown/media/internal/g711"
	"ringdown/media/internal/resample"
	"ringdown/media/internal/tone"
	"ringdown/media/internal/wav"
)

// The bounds of a recording: what it may last, and what its file may have, which is that as stereo at 48000 Hz.
const (
	musicSeconds = 300
	musicBytes   = musicSeconds*48000*4 + 1<<16
)

// CheckMusic tells whether a file can be Config.Music; an error names the file, and what is wrong where.
func CheckMusic(path string) error {
	_, err := readMusic(path)
	return err
}

// readMusic reads the recording that is played instead of the built-in music. An error names the file, and what is wrong
// where.
func readMusic(path string) (wav.Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return wav.Recording{}, err
	}
	defer f.Close()
	if s, err := f.Stat(); err == nil && s.IsDir() {
		return wav.Recording{}, fmt.Errorf("%s: is a directory", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, musicBytes+1))
	if err == nil && len(b) > musicBytes {
		err = errors.New("longer than " + fmt.Sprint(musicBytes>>20) + " MB")
	}
	var r wav.Recording
	if err == nil {
		r, err = wav.Read(b, musicSeconds)
	}
	if err != nil {
		return wav.Recording{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// loopFrom makes a recording into what is played.
func loopFrom(r wav.Recording) (l loop) {
	wide := samples(resample.Convert(r.Samples, r.Rate, tone.WideRate))
	narrow := samples(resample.Convert(r.Samples, r.Rate, tone.Rate))
	frames := min(len(wide)/tone.WideFrame, len(narrow)/tone.Frame)
	l.wide, narrow = wide[:frames*tone.WideFrame], narrow[:frames*tone.Frame]
	mu, a := make([]byte, len(narrow)), make([]byte, len(narrow))
	for i, s := range narrow {
		mu[i], a[i] = g711.EncodeU(s), g711.EncodeA(s)
	}
	l.law[tone.MuLaw], l.law[tone.ALaw] = mu, a
	return l
}

func samples(x []float64) []int16 {
	s := make([]int16, len(x))
	for i, v := range x {
		s[i] = int16(min(max(v, -32768), 32767))
	}
	return s
}
