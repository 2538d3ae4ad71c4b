package phone

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Directions of a media stream, RFC 4566 §6.
const (
	SendRecv = "sendrecv"
	SendOnly = "sendonly"
	RecvOnly = "recvonly"
	Inactive = "inactive"
)

// Codec is one entry of the audio m= line.
type Codec struct {
	Name     string // as in rtpmap: PCMU, PCMA, G722, opus, telephone-event
	PT       int
	Rate     int // RTP clock, Hz
	Channels int
	Fmtp     string
}

// known codecs with the payload numbers of RFC 3551 §6 (opus: a customary dynamic one).
var known = map[string]Codec{
	"pcmu": {Name: "PCMU", PT: 0, Rate: 8000}, "pcma": {Name: "PCMA", PT: 8, Rate: 8000},
	"g722": {Name: "G722", PT: 9, Rate: 8000}, "g729": {Name: "G729", PT: 18, Rate: 8000, Fmtp: "annexb=no"},
	"opus": {Name: "opus", PT: 111, Rate: 48000, Channels: 2, Fmtp: "useinbandfec=1"},
}

// ParseCodec reads "PCMU", "opus@96" or "PCMU/8000@0": a name, optionally with the rest of its rtpmap and with the
// payload number to offer it under.
func ParseCodec(s string) (Codec, error) {
	rtpmap, number, numbered := strings.Cut(s, "@")
	name, rest, mapped := strings.Cut(rtpmap, "/")
	c, ok := known[strings.ToLower(name)]
	if !ok {
		c = Codec{Name: name, Rate: 8000}
		if !numbered {
			return c, fmt.Errorf("codec %q: no payload number is known, write NAME/RATE@NUMBER", s)
		}
	}
	c.Name = name
	if mapped {
		rate, channels, _ := strings.Cut(rest, "/")
		c.Rate, _ = strconv.Atoi(rate)
		c.Channels, _ = strconv.Atoi(channels)
	}
	if numbered {
		c.PT, _ = strconv.Atoi(number)
	}
	if c.Rate <= 0 || c.PT < 0 || c.PT > 127 {
		return c, fmt.Errorf("codec %q: bad rate or payload number", s)
	}
	return c, nil
}

// same says whether two entries are one codec, whatever their numbers.
func (c Codec) same(o Codec) bool { return strings.EqualFold(c.Name, o.Name) && c.Rate == o.Rate }

// SDP is what the phone reads of a session description: its first audio stream.
type SDP struct {
	Addr      netip.AddrPort // where the peer wants RTP; port 0 is a refused stream, 0.0.0.0 an old-style hold
	Direction string
	Codecs    []Codec // in order, without telephone-event
	EventPT   int     // payload number of telephone-event, -1 without
	Lines     []string

	media []string // every m= line
	audio int      // index in media of the audio stream read
}

// ParseSDP reads a session description (RFC 4566); one without audio has an invalid Addr.
func ParseSDP(body []byte) (*SDP, error) {
	s := &SDP{Direction: SendRecv, EventPT: -1, audio: -1}
	var session, host netip.Addr
	var port uint64
	var numbers []string
	rtpmap, fmtp := map[string]string{}, map[string]string{}
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	s.Lines = strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(s.Lines) == 0 || !strings.HasPrefix(s.Lines[0], "v=") {
		return nil, fmt.Errorf("a session description starts with v=")
	}
	for _, line := range s.Lines {
		kind, value, _ := strings.Cut(line, "=")
		here := len(s.media) == 0 || s.audio == len(s.media)-1
		switch fields := strings.Fields(value); {
		case kind == "m":
			s.media = append(s.media, value)
			if s.audio < 0 && len(fields) > 3 && fields[0] == "audio" {
				s.audio = len(s.media) - 1
				port, _ = strconv.ParseUint(fields[1], 10, 16)
				numbers = fields[3:]
			}
		case kind == "c" && len(fields) == 3 && here:
			ip, err := netip.ParseAddr(strings.Split(fields[2], "/")[0])
			if err != nil {
				return nil, fmt.Errorf("c=%s: %w", value, err)
			}
			if host = ip; len(s.media) == 0 {
				session = ip
			}
		case kind == "a" && here:
			s.attribute(value, rtpmap, fmtp)
		}
	}
	if !host.IsValid() {
		host = session
	}
	if s.audio < 0 || !host.IsValid() {
		return s, nil
	}
	s.Addr = netip.AddrPortFrom(host, uint16(port))
	s.number(numbers, rtpmap, fmtp)
	return s, nil
}

func (s *SDP) attribute(value string, rtpmap, fmtp map[string]string) {
	name, rest, _ := strings.Cut(value, ":")
	pt, arg, _ := strings.Cut(rest, " ")
	switch name {
	case "rtpmap":
		rtpmap[pt] = arg
	case "fmtp":
		fmtp[pt] = arg
	case SendRecv, SendOnly, RecvOnly, Inactive:
		s.Direction = name
	}
}

// number resolves the payload numbers of the m= line.
func (s *SDP) number(numbers []string, rtpmap, fmtp map[string]string) {
	for _, n := range numbers {
		pt, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		c := Codec{PT: pt, Fmtp: fmtp[n]}
		if m := rtpmap[n]; m != "" {
			parts := strings.Split(m+"//", "/")
			c.Name = parts[0]
			c.Rate, _ = strconv.Atoi(parts[1])
			c.Channels, _ = strconv.Atoi(parts[2])
		} else {
			for _, k := range known {
				if k.PT == pt && pt < 96 {
					c.Name, c.Rate = k.Name, k.Rate
				}
			}
		}
		if !strings.EqualFold(c.Name, "telephone-event") {
			s.Codecs = append(s.Codecs, c)
		} else if s.EventPT < 0 {
			s.EventPT = pt
		}
	}
}

// held says whether the peer must not be sent media: by direction or by c=0.0.0.0 (RFC 3264 §8.4).
func (s *SDP) held() bool {
	return s.Direction == SendOnly || s.Direction == Inactive || s.Addr.Addr().IsUnspecified()
}

// description is one session description to write.
type description struct {
	user      string
	session   uint64
	version   uint64
	addr      netip.AddrPort
	zero      bool // write c=0.0.0.0
	codecs    []Codec
	eventPT   int // below 0: no telephone-event
	direction string
	offer     *SDP // when this answers one
}

// String writes it. An answer has one m= line for each of the offer, refused but for the audio (RFC 3264 §6).
func (d description) String() string {
	var b strings.Builder
	family, host := "IP4", d.addr.Addr().String()
	if d.addr.Addr().Is6() {
		family = "IP6"
	}
	if d.zero {
		family, host = "IP4", "0.0.0.0"
	}
	fmt.Fprintf(&b, "v=0\r\no=%s %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		d.user, d.session, d.version, family, d.addr.Addr(), family, host)
	if d.offer == nil {
		d.writeAudio(&b)
		return b.String()
	}
	for i, m := range d.offer.media {
		if i == d.offer.audio {
			d.writeAudio(&b)
			continue
		}
		f := strings.Fields(m)
		if len(f) > 1 {
			f[1] = "0"
		}
		fmt.Fprintf(&b, "m=%s\r\n", strings.Join(f, " "))
	}
	return b.String()
}

func (d description) writeAudio(b *strings.Builder) {
	codecs := d.codecs
	if d.eventPT >= 0 {
		codecs = append(codecs[:len(codecs):len(codecs)],
			Codec{Name: "telephone-event", PT: d.eventPT, Rate: 8000, Fmtp: "0-16"})
	}
	fmt.Fprintf(b, "m=audio %d RTP/AVP", d.addr.Port())
	for _, c := range codecs {
		fmt.Fprintf(b, " %d", c.PT)
	}
	b.WriteString("\r\n")
	for _, c := range codecs {
		fmt.Fprintf(b, "a=rtpmap:%d %s/%d", c.PT, c.Name, c.Rate)
		if c.Channels > 1 {
			fmt.Fprintf(b, "/%d", c.Channels)
		}
		b.WriteString("\r\n")
		if c.Fmtp != "" {
			fmt.Fprintf(b, "a=fmtp:%d %s\r\n", c.PT, c.Fmtp)
		}
	}
	fmt.Fprintf(b, "a=ptime:20\r\na=%s\r\n", d.direction)
}

// answerDirection combines what this side wants with what was offered (RFC 3264 §6.1).
func answerDirection(want string, offer *SDP) string {
	send := (want == SendRecv || want == SendOnly) && !offer.held()
	recv := (want == SendRecv || want == RecvOnly) && offer.Direction != RecvOnly && offer.Direction != Inactive
	switch {
	case send && recv:
		return SendRecv
	case send:
		return SendOnly
	case recv:
		return RecvOnly
	}
	return Inactive
}
