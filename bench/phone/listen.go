package phone

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Stats returns a copy of the counters.
func (m *Media) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.heard.stats
	s.Sent = m.sender.sent
	s.SSRCs = append([]uint32(nil), s.SSRCs...)
	s.Sources = append([]netip.AddrPort(nil), s.Sources...)
	s.PTs = map[int]int{}
	for pt, n := range m.heard.stats.PTs {
		s.PTs[pt] = n
	}
	return s
}

// SSRC is that of the packets sent.
func (m *Media) SSRC() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sender.ssrc
}

// SetTap has f see everything received, bytes and source. It must neither keep raw nor call the Media.
func (m *Media) SetTap(f func(raw []byte, from netip.AddrPort)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard.tap = f
}

// Mark starts a new measurement of Gap.
func (m *Media) Mark() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard.mark, m.heard.gap = time.Now(), 0
}

// Gap is the longest time without an RTP packet since Mark, up to now or the end of the call.
func (m *Media) Gap() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &m.heard
	now := time.Now()
	if !h.frozen.IsZero() {
		now = h.frozen
	}
	since := h.last
	if since.Before(h.mark) {
		since = h.mark
	}
	return max(h.gap, now.Sub(since))
}

// audible is recent, but for less than half a window of audio, which is too little to name a tone by. m.mu is not held.
func (m *Media) audible(window time.Duration) (pcm []int16, pattern int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pcm, pattern = m.recent(window)
	if len(pcm) < int(window.Seconds()*rate/2) {
		pcm = nil
	}
	return pcm, pattern
}

// recent returns the audio of the last window in order, and the newest opaque pattern in it (-1 without). m.mu is held.
func (m *Media) recent(window time.Duration) (pcm []int16, pattern int) {
	h := &m.heard
	from := time.Now().Add(-window)
	pattern = -1
	for i := range h.frames {
		f := &h.frames[(h.place+i)%len(h.frames)]
		if f.at.Before(from) {
			continue
		}
		pcm = append(pcm, f.pcm...)
		pattern = f.pattern
	}
	return pcm, pattern
}

// Hears says whether a tone is in the audio of the last window (at least 60 ms is sensible, 100 ms separates tones
// that are 25 Hz apart), alone or with up to some others.
func (m *Media) Hears(hz int, window time.Duration) bool {
	pcm, pattern := m.audible(window)
	if pattern >= 0 {
		return pattern == hz && hz > 0
	}
	return rms(pcm) > silenceRMS && newSpectrum(pcm).share(float64(hz)) >= heardShare
}

// Silent says whether the last window holds no audio: no packets, or packets of silence.
func (m *Media) Silent(window time.Duration) bool {
	m.mu.Lock()
	pcm, pattern := m.recent(window)
	m.mu.Unlock()
	return pattern <= 0 && rms(pcm) <= silenceRMS
}

// Level is the RMS of the last window of 32768; 0 without audio.
func (m *Media) Level(window time.Duration) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	pcm, _ := m.recent(window)
	return rms(pcm)
}

// Tones lists the tones heard from 200 to 3400 Hz, in rising order; a tone alone is exact to the Hz, mixed ones within
// a few. Empty is silence, or noise. To ask for a known tone, Hears is cheaper and surer.
func (m *Media) Tones(window time.Duration) []int {
	tones, _ := m.tones(window)
	return tones
}

// Tone is the loudest of Tones over the last 200 ms, 0 without any.
func (m *Media) Tone() int {
	_, loudest := m.tones(200 * time.Millisecond)
	return loudest
}

func (m *Media) tones(window time.Duration) (tones []int, loudest int) {
	pcm, pattern := m.audible(window)
	if pattern > 0 {
		return []int{pattern}, pattern
	}
	if rms(pcm) <= silenceRMS {
		return nil, 0
	}
	return newSpectrum(pcm).peaks()
}

// WaitTone waits until 100 ms of a tone are heard.
func (m *Media) WaitTone(ctx context.Context, hz int) error {
	return m.await(ctx, fmt.Sprintf("a tone of %d Hz", hz), func() bool { return m.Hears(hz, 100*time.Millisecond) })
}

// WaitSilence waits until 200 ms hold no audio, or the call has ended.
func (m *Media) WaitSilence(ctx context.Context) error {
	return m.await(ctx, "silence", func() bool {
		m.mu.Lock()
		closed := m.closed
		m.mu.Unlock()
		return closed || m.Silent(200*time.Millisecond)
	})
}

// Digits returns the telephone-events received, in order.
func (m *Media) Digits() []Digit {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Digit(nil), m.heard.digits...)
}

// DigitString is Digits as typed.
func (m *Media) DigitString() string {
	var b []byte
	for _, d := range m.Digits() {
		b = append(b, d.Digit)
	}
	return string(b)
}

// WaitDigits waits until the telephone-events received spell that string, and the last one has ended.
func (m *Media) WaitDigits(ctx context.Context, want string) error {
	return m.await(ctx, "digits "+want, func() bool {
		d := m.Digits()
		return m.DigitString() == want && (len(d) == 0 || d[len(d)-1].Ends > 0)
	})
}

// InbandDigits returns the digits heard as tones.
func (m *Media) InbandDigits() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return string(m.heard.inband)
}

// WaitInband waits until the digits heard as tones spell that string.
func (m *Media) WaitInband(ctx context.Context, want string) error {
	return m.await(ctx, "in-band digits "+want, func() bool { return m.InbandDigits() == want })
}

func (m *Media) describeHeard() string {
	s := m.Stats()
	return fmt.Sprintf("hears %v, level %.0f, digits %q, in-band %q, %+v", m.Tones(200*time.Millisecond),
		m.Level(200*time.Millisecond), m.DigitString(), m.InbandDigits(), s)
}
