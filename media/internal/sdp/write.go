package sdp

import (
	"bytes"
	"fmt"
	"net/netip"

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
	Formats     []string // of a refused line: one of those offered, since a line needs one
	Codecs      []Codec  // of a line that is on
	Ptime       int
	Direction   callstate.Direction
}

// Refused is the line that says no to m.
func Refused(m *Media) Out { return Out{Type: m.Type, Proto: m.Proto, Formats: m.Formats[:1]} }

// Write renders l.
func Write(l Local) []byte {
	family := "IP4"
	if l.Addr.Is6() {
		family = "IP6"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		l.ID, l.Version, family, l.Addr, family, l.Addr)
	for i := range l.Media {
		l.Media[i].write(&b)
	}
	return b.Bytes()
}

func (o *Out) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "m=%s %d %s", o.Type, o.Port, o.Proto)
	for _, f := range o.Formats {
		b.WriteString(" " + f)
	}
	for _, c := range o.Codecs {
		fmt.Fprintf(b, " %d", c.PT)
	}
	b.WriteString("\r\n")
	if o.Port == 0 {
		return
	}
	for _, c := range o.Codecs {
		fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", c.PT, c.rtpmap())
		if c.Fmtp != "" {
			fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.PT, c.Fmtp)
		}
	}
	if o.Ptime > 0 {
		fmt.Fprintf(b, "a=ptime:%d\r\n", o.Ptime)
	}
	fmt.Fprintf(b, "a=%s\r\n", o.Direction)
}
