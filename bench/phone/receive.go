package phone

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Stats counts what a Media sent and received.
type Stats struct {
	Sent       int
	Packets    int // RTP received, events included
	Events     int // telephone-event packets among them
	RTCP       int
	Bad        int // neither RTP nor RTCP
	Lost       int // gaps in sequence numbers, not filled later
	Duplicates int
	Late       int // out of order
	Backward   int // newer sequence number, older timestamp
	SSRCs      []uint32
	Sources    []netip.AddrPort
	PTs        map[int]int // packets by payload number
}

// Digit is one telephone-event received: packets with one SSRC, timestamp and event code are one digit.
type Digit struct {
	Digit     byte // "?" for an event that is no key
	Event     byte
	SSRC      uint32
	Timestamp uint32
	Marker    bool   // on its first packet, and on no other
	Duration  uint16 // the longest, timestamp units
	Ends      int    // packets with the end bit
	At        time.Time
	Packets   []Packet // the first 200
}

// heard is the incoming half of a Media; Media.mu guards it.
type heard struct {
	stats   Stats
	streams map[uint32]*sequence
	frames  []frame
	place   int // of the next frame once frames is full
	digits  []Digit
	keys    keyDetector
	inband  []byte
	tap     func(raw []byte, from netip.AddrPort)

	last   time.Time // arrival
	mark   time.Time
	gap    time.Duration
	frozen time.Time
}

func (h *heard) start() {
	h.streams = map[uint32]*sequence{}
	h.stats.PTs = map[int]int{}
	h.mark = time.Now()
}

// sequence follows the numbers of one SSRC.
type sequence struct {
	highest   uint16
	seen      uint64 // bit i: highest-i has arrived
	timestamp uint32
}

// read is the goroutine of one socket.
func (m *Media) read(c PacketConn) {
	b := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			select {
			case <-m.done:
				return
			case <-time.After(10 * time.Millisecond): // an ICMP error must not make this loop spin
				continue
			}
		}
		m.take(b[:n], unmap(from), time.Now())
	}
}

// take counts and listens to one packet.
func (m *Media) take(raw []byte, from netip.AddrPort, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &m.heard
	if h.tap != nil {
		h.tap(raw, from)
	}
	if isRTCP(raw) {
		h.stats.RTCP++
		return
	}
	p, err := ParsePacket(raw)
	if err != nil {
		h.stats.Bad++
		return
	}
	h.arrived(p, from, now)
	switch {
	case p.PT == m.recvEvent || p.PT == m.eventPT:
		h.event(p, now)
	case m.deaf:
	case m.decode[p.PT] != nil:
		table := m.decode[p.PT]
		pcm := make([]int16, len(p.Payload))
		for i, v := range p.Payload {
			pcm[i] = table[v]
		}
		h.keep(frame{at: now, pcm: pcm, pattern: -1})
		h.keys.feed(pcm, func(key byte) {
			if len(h.inband) < 1000 {
				h.inband = append(h.inband, key)
			}
		})
	case m.pattern[p.PT]:
		f := frame{at: now, pattern: 0}
		if len(p.Payload) >= 6 && bytes.HasPrefix(p.Payload, []byte("tone")) {
			f.pattern = int(binary.BigEndian.Uint16(p.Payload[4:]))
		}
		h.keep(f)
	}
}

func (h *heard) arrived(p Packet, from netip.AddrPort, now time.Time) {
	s := &h.stats
	s.Packets++
	s.PTs[p.PT]++
	known := false
	for _, a := range s.Sources {
		known = known || a == from
	}
	if !known && len(s.Sources) < 64 {
		s.Sources = append(s.Sources, from)
	}
	since := h.last
	if since.Before(h.mark) {
		since = h.mark
	}
	h.gap = max(h.gap, now.Sub(since))
	h.last = now
	q := h.streams[p.SSRC]
	if q == nil {
		if len(s.SSRCs) < 64 {
			s.SSRCs = append(s.SSRCs, p.SSRC)
			h.streams[p.SSRC] = &sequence{highest: p.Seq, seen: 1, timestamp: p.Timestamp}
		}
		return
	}
	q.follow(p, s)
}

// follow counts losses, repeats and steps back; a late packet takes its loss back.
func (q *sequence) follow(p Packet, s *Stats) {
	ahead := int16(p.Seq - q.highest)
	if ahead > 0 {
		s.Lost += int(ahead) - 1
		q.seen = q.seen<<uint(ahead) | 1
		q.highest = p.Seq
		if int32(p.Timestamp-q.timestamp) < 0 {
			s.Backward++
		}
		q.timestamp = p.Timestamp
		return
	}
	bit := uint64(1) << uint(-int(ahead))
	if -int(ahead) >= 64 {
		s.Late++
		return
	}
	if q.seen&bit != 0 {
		s.Duplicates++
		return
	}
	q.seen |= bit
	s.Late++
	s.Lost = max(0, s.Lost-1)
}

func (h *heard) keep(f frame) {
	if len(h.frames) < framesKept {
		h.frames = append(h.frames, f)
		return
	}
	h.frames[h.place] = f
	h.place = (h.place + 1) % framesKept
}

// event adds a packet to its digit (RFC 4733 §2.5.2).
func (h *heard) event(p Packet, now time.Time) {
	h.stats.Events++
	if len(p.Payload) < 4 {
		h.stats.Bad++
		return
	}
	p.Payload = bytes.Clone(p.Payload)
	code, duration := p.Payload[0], binary.BigEndian.Uint16(p.Payload[2:])
	var d *Digit
	for i := len(h.digits) - 1; i >= 0 && i >= len(h.digits)-16; i-- {
		if e := &h.digits[i]; e.Event == code && e.SSRC == p.SSRC && e.Timestamp == p.Timestamp {
			d = e
		}
	}
	if d == nil {
		if len(h.digits) >= 1000 {
			return
		}
		key := byte('?')
		if int(code) < len(events) {
			key = events[code]
		}
		h.digits = append(h.digits, Digit{
			Digit: key, Event: code, SSRC: p.SSRC, Timestamp: p.Timestamp, Marker: p.Marker, At: now,
		})
		d = &h.digits[len(h.digits)-1]
	} else if p.Marker {
		d.Marker = false
	}
	d.Duration = max(d.Duration, duration)
	if p.Payload[1]&0x80 != 0 {
		d.Ends++
	}
	if len(d.Packets) < 200 {
		d.Packets = append(d.Packets, p)
	}
}

// await polls every 10 ms, for at most a minute.
func (m *Media) await(ctx context.Context, what string, met func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-m.done:
			if met() {
				return nil
			}
			return fmt.Errorf("phone: the call ended before %s; %s", what, m.describeHeard())
		case <-ctx.Done():
			return fmt.Errorf("phone: waiting for %s: %w; %s", what, ctx.Err(), m.describeHeard())
		}
	}
	return nil
}
