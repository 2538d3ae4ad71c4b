package phone

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// sender is the outgoing half of a Media; Media.mu guards it.
type sender struct {
	ssrc      uint32
	seq       uint16
	timestamp uint32
	last      time.Time // when the last frame was due
	marker    bool      // the next packet starts a talkspurt
	running   bool
	playing   bool
	wave      wave
	place     int // in the wave's second
	jobs      []job
	sent      int
	buffer    []byte
}

// job is a digit, or a pause between two: frames of 20 ms that go before the audio.
type job struct {
	kind   jobKind
	event  byte
	wave   wave
	total  int // frames
	done   int
	held   bool // goes on until KeyUp
	begins int  // lost packets at the begin
	ends   int  // lost packets of the end
}

type jobKind int

const (
	pauseJob jobKind = iota // audio goes on
	eventJob
	inbandJob
)

// SendTone plays a tone of whole Hz until told otherwise. With a codec that is not G.711 a payload is sent that
// Hears of another phone recognises, and no decoder would.
func (m *Media) SendTone(hz int) { m.play(wave{f1: hz}) }

// SendSilence sends packets of silence.
func (m *Media) SendSilence() { m.play(wave{}) }

func (m *Media) play(w wave) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sender.playing, m.sender.wave = true, w
	m.run()
}

// Stop sends no more audio; digits that are queued still go.
func (m *Media) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sender.playing = false
}

// SendDigitInband queues a digit as two tones, ms long.
func (m *Media) SendDigitInband(digit rune, ms int) error {
	w, ok := keyWave(digit)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !ok || ms < 1 {
		return fmt.Errorf("phone: no digit %q of %d ms", digit, ms)
	}
	return m.queue(job{kind: inbandJob, wave: w, total: (ms + 19) / 20}, 2)
}

// queue plans a digit, and a pause of that many frames behind it. m.mu is held.
func (m *Media) queue(j job, rest int) error {
	if m.closed || len(m.sender.jobs) > 200 {
		return fmt.Errorf("phone: the media is closed, or has 100 digits queued")
	}
	m.sender.jobs = append(m.sender.jobs, j, job{kind: pauseJob, total: rest})
	m.run()
	return nil
}

// WaitSent waits until every queued digit is sent.
func (m *Media) WaitSent(ctx context.Context) error {
	return m.await(ctx, "digits to be sent", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.sender.jobs) == 0
	})
}

// run starts the sender unless it runs. m.mu is held.
func (m *Media) run() {
	s := &m.sender
	if s.running || m.closed {
		return
	}
	s.running, s.marker = true, true
	now := time.Now()
	if !s.last.IsZero() { // the timeline went on while nothing was sent
		s.timestamp += uint32(now.Sub(s.last).Seconds() * float64(m.clock()))
	}
	m.wg.Go(m.send)
}

func (m *Media) clock() int {
	if m.codec.Rate > 0 {
		return m.codec.Rate
	}
	return rate
}

// send is the sender's goroutine: one step each 20 ms, catching up when it was late by less than 200 ms.
func (m *Media) send() {
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for m.step(next) {
		next = next.Add(ptime)
		wait := time.Until(next)
		if wait < -200*time.Millisecond {
			next = time.Now()
		}
		if wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-m.done:
				return
			}
		}
	}
}

// step sends one frame, and reports whether there is more to do.
func (m *Media) step(due time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.sender
	if m.closed || (!s.playing && len(s.jobs) == 0) {
		s.running = false
		return false
	}
	s.last = due.Add(ptime)
	audio, play := s.wave, s.playing
	if len(s.jobs) > 0 {
		j := &s.jobs[0]
		j.done++
		last := j.done >= j.total && !j.held
		switch j.kind {
		case eventJob:
			m.sendEvent(j, last)
			play = false
		case inbandJob:
			audio, play = j.wave, true
		case pauseJob:
			if !play {
				s.timestamp += uint32(m.clock() / 50)
			}
		}
		if last {
			s.jobs = s.jobs[1:]
		}
	}
	if play {
		m.sendAudio(audio)
	}
	return true
}

func (m *Media) sendAudio(w wave) {
	s := &m.sender
	m.emit(s.marker, m.codec.PT, m.payload(w))
	s.marker = false
	s.timestamp += uint32(m.clock() / 50)
}

// payload makes 20 ms of a wave. Opaque codecs carry "tone" and the frequency over and over.
func (m *Media) payload(w wave) []byte {
	s := &m.sender
	switch m.codec.Name {
	case "PCMU", "PCMA", "pcmu", "pcma":
		second := w.second(strings.EqualFold(m.codec.Name, "PCMA"))
		at := s.place % len(second)
		s.place = at + 160
		return second[at : at+160]
	}
	var b []byte
	for range 10 {
		b = binary.BigEndian.AppendUint16(append(b, "tone"...), uint16(w.f1))
	}
	return b
}

// sendEvent sends the packets of one 20 ms of a digit; the last three, with the end bit, go at once.
func (m *Media) sendEvent(j *job, last bool) {
	s := &m.sender
	duration := uint16(min(j.done*160, 0xffff))
	flags, copies := byte(10), 1 // volume -10 dBm0
	if last {
		flags, copies = flags|0x80, 3
	}
	for i := range copies {
		if lost := !last && j.done <= j.begins || last && i < j.ends; lost {
			s.seq++
			continue
		}
		m.emit(j.done == 1 && i == 0, m.eventPT, []byte{j.event, flags, byte(duration >> 8), byte(duration)})
	}
	if last {
		s.timestamp += uint32(j.done * m.clock() / 50)
		s.marker = false
	}
}

// emit sends one packet with the present timestamp, if the negotiation allows any.
func (m *Media) emit(marker bool, pt int, payload []byte) {
	s := &m.sender
	if !m.maySend {
		return
	}
	p := Packet{Marker: marker, PT: pt, Seq: s.seq, Timestamp: s.timestamp, SSRC: s.ssrc, Payload: payload}
	s.buffer = p.Append(s.buffer[:0])
	s.seq++
	s.sent++
	m.out.WriteToUDPAddrPort(s.buffer, m.remote)
}
