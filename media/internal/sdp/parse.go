package sdp

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"ringdown/callstate"
)

// Limits on what a body may hold (edge case X13). A body that exceeds them is refused.
const (
	maxBody  = 64 << 10
	maxMedia = 32 // m= lines; an answer has to mirror every one
)

// Error is a fault in a body and the line that has it, counted from 1; 0 when it is the body as a whole.
type Error struct {
	Line int
	Text string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return "sdp: " + e.Text
	}
	return fmt.Sprintf("sdp: line %d: %s", e.Line, e.Text)
}

// Session is a session description as far as the switch needs it.
type Session struct {
	Media []Media
	Audio int // which of Media is the call's audio: the first that we can use, -1 when there is none
}

// Media is one m= line and what belongs to it. All but the first four fields are read for usable audio lines only.
type Media struct {
	Type    string // "audio", "video", "image"
	Port    uint16
	Proto   string
	Formats []string

	Addr      netip.Addr // invalid when there is no c= line (allowed with port 0 only)
	Direction callstate.Direction
	Ptime     int // ms, 0 when not stated
	Codecs    []Codec

	line  int
	conn  text
	attrs []text
}

// text is the value of a line and its number.
type text struct {
	value string
	line  int
}

// Off tells whether the stream is switched off, or refused (RFC 3264 §6, §8.2).
func (m *Media) Off() bool { return m.Port == 0 }

// Usable tells whether the line is audio over plain RTP.
func (m *Media) Usable() bool {
	return m.Type == "audio" && (strings.EqualFold(m.Proto, "RTP/AVP") || strings.EqualFold(m.Proto, "RTP/AVPF"))
}

// Remote is where the phone wants to be sent to.
func (m *Media) Remote() netip.AddrPort { return netip.AddrPortFrom(m.Addr, m.Port) }

// ConnLine is the number of the line that Addr came from.
func (m *Media) ConnLine() int { return m.conn.line }

// Understand returns the codecs of an answer. A dynamic payload type that the answer does not explain is the one of
// our offer with that number, which some phones rely on.
func (m *Media) Understand(offered []Codec) []Codec {
	list := append([]Codec(nil), m.Codecs...)
	for _, f := range m.Formats {
		for _, o := range offered {
			if _, known := Find(list, o); !known && f == strconv.Itoa(int(o.PT)) && !m.explains(o.PT) {
				list = append(list, o)
			}
		}
	}
	return list
}

func (m *Media) explains(pt uint8) bool {
	for _, c := range m.Codecs {
		if c.PT == pt {
			return true
		}
	}
	return false
}

// Parse reads a body. It is lenient about order and unknown lines, strict about what decides where packets go.
// The error is always an *Error.
func Parse(body []byte) (*Session, error) {
	if len(body) > maxBody {
		return nil, &Error{0, fmt.Sprintf("%d bytes, more than %d", len(body), maxBody)}
	}
	s := &Session{Audio: -1}
	var top Media // takes the session's own c= and a= lines
	lines := strings.Split(string(body), "\n")
	for i, l := range lines {
		n, l := i+1, strings.TrimRight(l, "\r \t")
		if l == "" {
			continue // a blank line in the wrong place harms nobody
		}
		if strings.ContainsFunc(l, control) { // what we copy into the other leg's SDP must not make lines there
			return nil, &Error{n, "control character"}
		}
		if len(l) < 2 || l[1] != '=' || l[0] < 'a' || l[0] > 'z' {
			return nil, &Error{n, fmt.Sprintf("%q is not of the form x=...", cut(l))}
		}
		if err := s.take(&top, l[0], text{strings.TrimSpace(l[2:]), n}); err != nil {
			return nil, err
		}
	}
	if len(s.Media) == 0 {
		return nil, &Error{0, "no m= line"}
	}
	s.Audio = s.pick()
	if s.Audio >= 0 {
		if err := s.Media[s.Audio].readAudio(&top); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Session) take(top *Media, kind byte, t text) error {
	at := top
	if len(s.Media) > 0 {
		at = &s.Media[len(s.Media)-1]
	}
	switch kind {
	case 'v':
		if t.value != "0" {
			return &Error{t.line, fmt.Sprintf("version %q is unknown", cut(t.value))}
		}
	case 'c':
		if at.conn.line == 0 {
			at.conn = t
		}
	case 'a':
		at.attrs = append(at.attrs, t)
	case 'm':
		if len(s.Media) == maxMedia {
			return &Error{t.line, fmt.Sprintf("more than %d m= lines", maxMedia)}
		}
		m, err := readMedia(t)
		if err != nil {
			return err
		}
		s.Media = append(s.Media, m)
	}
	return nil
}

// pick chooses the audio line: one that is on before one that is off. A second audio line is refused by the answer.
func (s *Session) pick() int {
	off := -1
	for i := range s.Media {
		switch m := &s.Media[i]; {
		case !m.Usable():
		case !m.Off():
			return i
		case off < 0:
			off = i
		}
	}
	return off
}

// readMedia reads "audio 49170/2 RTP/AVP 0 8 101".
func readMedia(t text) (Media, error) {
	f := strings.Fields(t.value)
	if len(f) < 4 {
		return Media{}, &Error{t.line, fmt.Sprintf("m=%s: type, port, protocol and formats expected", cut(t.value))}
	}
	digits, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return Media{}, &Error{t.line, fmt.Sprintf("port %q is not in 0-65535", cut(f[1]))}
	}
	m := Media{Type: strings.ToLower(f[0]), Port: uint16(port), Proto: f[2], Formats: f[3:], line: t.line}
	return m, nil
}

func (m *Media) readAudio(top *Media) error {
	if err := m.readConn(top); err != nil {
		return err
	}
	m.readDirection(top)
	return m.readCodecs(top)
}

// readConn reads "IN IP4 192.0.2.1", the line's own or the session's (RFC 8866 §5.7).
func (m *Media) readConn(top *Media) error {
	c := m.conn
	if c.line == 0 {
		c = top.conn
		m.conn = c
	}
	if c.line == 0 {
		if m.Off() {
			return nil
		}
		return &Error{m.line, "no c= line says where to send"}
	}
	f := strings.Fields(c.value)
	if len(f) < 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return &Error{c.line, fmt.Sprintf("c=%s: IN IP4 or IN IP6 and an address expected", cut(c.value))}
	}
	host, _, _ := strings.Cut(f[2], "/") // a TTL, which only multicast has
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return &Error{c.line, fmt.Sprintf("%q is not an IP address", cut(f[2]))}
	}
	if addr.Is4() != (f[1] == "IP4") {
		return &Error{c.line, fmt.Sprintf("%s is not of the family %s", addr, f[1])}
	}
	m.Addr = addr.Unmap()
	return nil
}

func (m *Media) readDirection(top *Media) {
	m.Direction = callstate.SendRecv // RFC 3264 §5.1
	for _, list := range [][]text{top.attrs, m.attrs} {
		for _, a := range list {
			switch d := callstate.Direction(a.value); d {
			case callstate.SendRecv, callstate.SendOnly, callstate.RecvOnly, callstate.Inactive:
				m.Direction = d
			}
			if v, ok := strings.CutPrefix(a.value, "ptime:"); ok {
				if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n >= 1 && n <= 200 {
					m.Ptime = n
				}
			}
		}
	}
	if m.Off() || m.Addr.IsValid() && m.Addr.IsUnspecified() {
		m.Direction = callstate.Inactive // RFC 3264 §8.4: the old way to hold; nothing can be sent there
	}
}

func (m *Media) readCodecs(top *Media) error {
	maps, fmtps, err := m.readMaps()
	if err != nil {
		return err
	}
	var seen [128]bool
	for _, f := range m.Formats {
		n, err := strconv.ParseUint(f, 10, 8)
		if err != nil || n > 127 {
			return &Error{m.line, fmt.Sprintf("payload type %q is not in 0-127", cut(f))}
		}
		pt := uint8(n)
		if seen[pt] {
			continue
		}
		seen[pt] = true
		c, ok := maps[pt]
		if !ok {
			c, ok = static[pt]
		}
		if !ok {
			continue // dynamic without rtpmap: nobody knows what it is
		}
		c.PT, c.Fmtp = pt, fmtps[pt]
		// The same format twice, under two numbers: the first is the preferred one.
		if _, dup := Find(m.Codecs, c); !dup {
			m.Codecs = append(m.Codecs, c)
		}
	}
	return nil
}

func (m *Media) readMaps() (map[uint8]Codec, map[uint8]string, error) {
	maps, fmtps := map[uint8]Codec{}, map[uint8]string{}
	for _, a := range m.attrs {
		key, rest, _ := strings.Cut(a.value, ":")
		if key != "rtpmap" && key != "fmtp" {
			continue
		}
		number, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, err := strconv.ParseUint(number, 10, 8)
		if err != nil || n > 127 {
			return nil, nil, &Error{a.line, fmt.Sprintf("payload type %q is not in 0-127", cut(number))}
		}
		pt, value := uint8(n), strings.TrimSpace(value)
		if key == "fmtp" {
			if _, dup := fmtps[pt]; !dup {
				fmtps[pt] = value
			}
			continue
		}
		c, ok := readMap(value)
		if !ok {
			return nil, nil, &Error{a.line, fmt.Sprintf("rtpmap %q: name/clock expected", cut(value))}
		}
		if _, dup := maps[pt]; !dup {
			maps[pt] = c
		}
	}
	return maps, fmtps, nil
}

// readMap reads "opus/48000/2".
func readMap(s string) (Codec, bool) {
	f := strings.Split(s, "/")
	if len(f) < 2 || len(f) > 3 || !token(f[0]) {
		return Codec{}, false
	}
	clock, err := strconv.ParseUint(f[1], 10, 24)
	if err != nil || clock == 0 {
		return Codec{}, false
	}
	c := Codec{Name: f[0], Clock: int(clock), Channels: 1}
	if len(f) == 3 {
		n, err := strconv.ParseUint(f[2], 10, 8)
		if err != nil || n == 0 {
			return Codec{}, false
		}
		c.Channels = int(n)
	}
	for _, name := range spelling {
		if strings.EqualFold(name, c.Name) {
			c.Name = name
		}
	}
	return c, true
}

// token tells whether s is a token of RFC 8866 §9, so that it can be written again.
func token(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// cut keeps error texts short whatever a peer sent.
func cut(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
