package sdp

import (
	"bytes"
	"net/netip"
	"strconv"

	"ringdown/callstate"
)

// Local is a description of ours.
type Local struct {
	ID, Version uint64 // of the o= line (RFC 8866 §5.2)
	Addr        netip.Addr
	Media       []Out
}

// Out is one m= line of ours. Port 0 refuses it, or keeps its place (RFC 3264 §6, §8.2).
type Out struct {
	Type, Proto string
	Port        uint16
	Format      string  // of a refused line: one of those offered, since a line needs one
	Codecs      []Codec // of a line that is on
	Ptime       int
	Direction   callstate.Direction
}

// Refused is the line that says no to m.
func Refused(m *Media) Out {
	format, _ := field(m.Formats)
	return Out{Type: m.Type, Proto: m.Proto, Format: format}
}

// Write renders l.
func Write(l Local) []byte {
	var room [512]byte
	return bytes.Clone(Append(room[:0], l))
}

// Append adds l to b.
func Append(b []byte, l Local) []byte {
	family := " IN IP4 "
	if l.Addr.Is6() {
		family = " IN IP6 "
	}
	b = strconv.AppendUint(append(b, "v=0\r\no=- "...), l.ID, 10)
	b = strconv.AppendUint(append(b, ' '), l.Version, 10)
	b = l.Addr.AppendTo(append(b, family...))
	b = append(b, "\r\ns=-\r\nc="...)
	b = l.Addr.AppendTo(append(b, family[1:]...))
	b = append(b, "\r\nt=0 0\r\n"...)
	for i := range l.Media {
		b = l.Media[i].append(b)
	}
	return b
}

func (o *Out) append(b []byte) []byte {
	number := func(before string, n int) { b = strconv.AppendInt(append(b, before...), int64(n), 10) }
	b = append(append(b, "m="...), o.Type...)
	number(" ", int(o.Port))
	b = append(append(b, ' '), o.Proto...)
	if o.Format != "" {
		b = append(append(b, ' '), o.Format...)
	}
	for i := range o.Codecs {
		number(" ", int(o.Codecs[i].PT))
	}
	b = append(b, "\r\n"...)
	if o.Port == 0 {
		return b
	}
	for i := range o.Codecs {
		c := &o.Codecs[i]
		number("a=rtpmap:", int(c.PT))
		b = append(append(b, ' '), c.Name...)
		number("/", c.Clock)
		if c.Channels > 1 {
			number("/", c.Channels)
		}
		b = append(b, "\r\n"...)
		if c.Fmtp != "" {
			number("a=fmtp:", int(c.PT))
			b = append(append(append(b, ' '), c.Fmtp...), "\r\n"...)
		}
	}
	if o.Ptime > 0 {
		number("a=ptime:", o.Ptime)
		b = append(b, "\r\n"...)
	}
	b = append(append(b, "a="...), o.Direction...)
	return append(b, "\r\n"...)
}
