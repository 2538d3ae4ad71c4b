package sdp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

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
	Text  string // the body, which all else is part of
	Media []Media
	Audio int // which of Media is the call's audio: the first that we can use, -1 when there is none
}

// Media is one m= line and what belongs to it. All but the first four fields are read for usable audio lines only.
type Media struct {
	Type    string // "audio", "video", "image"
	Port    uint16
	Proto   string
	Formats string // separated by white space

	Addr      netip.Addr // invalid when there is no c= line (allowed with port 0 only)
	Direction callstate.Direction
	Ptime     int // ms, 0 when not stated
	Codecs    []Codec

	line  int
	conn  text
	lines lines // after the m= line
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
	list := slices.Clip(m.Codecs)
	for f := range strings.FieldsSeq(m.Formats) {
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

// usual is for how many codecs and m= lines there is room without further memory.
const usual = 8

// Parse reads a body. It is lenient about order and unknown lines, strict about what decides where packets go.
// The error is always an *Error.
func Parse(body []byte) (*Session, error) {
	var room [usual]Media
	var listed [usual]Codec
	text := string(body)
	media, audio, codecs, err := parse(text, room[:0], listed[:0])
	if err != nil {
		return nil, err
	}
	s := &Session{Text: text, Media: slices.Clone(media), Audio: audio}
	if len(codecs) > 0 {
		s.Media[audio].Codecs = slices.Clone(codecs)
	}
	return s, nil
}

// Facts reads the facts of a body alone. One without usable audio has no codec; that is no error.
func Facts(body []byte) (callstate.Facts, error) {
	var room [usual]Media
	var listed [usual]Codec
	media, audio, codecs, err := parse(string(body), room[:0], listed[:0])
	if err != nil {
		return callstate.Facts{}, err
	}
	if audio < 0 || media[audio].Off() {
		return callstate.Facts{Direction: callstate.Inactive}, nil
	}
	m := &media[audio]
	if text := Unfit(m.Addr); text != "" && !m.Addr.IsUnspecified() {
		return callstate.Facts{}, &Error{Line: m.ConnLine(), Text: text}
	}
	f := callstate.Facts{Direction: m.Direction}
	for _, c := range codecs {
		if c.Audio() && f.Codec == "" {
			f.Codec, f.Mixable = c.Name, c.Mixable()
		}
		f.Events = f.Events || c.Event()
	}
	return f, nil
}

// parse appends what it finds to media and codecs, which are those of the audio line.
func parse(body string, media []Media, codecs []Codec) ([]Media, int, []Codec, error) {
	media, top, err := split(body, media)
	if err != nil {
		return nil, -1, nil, err
	}
	audio := pick(media)
	if audio < 0 {
		return media, audio, nil, nil
	}
	m := &media[audio]
	if err := m.readConn(&top); err != nil {
		return nil, -1, nil, err
	}
	m.readDirection(&top)
	codecs, err = m.readCodecs(codecs)
	return media, audio, codecs, err
}

// split finds the m= lines. top is what stands before them, the session's own.
func split(body string, media []Media) (_ []Media, top Media, err error) {
	if len(body) > maxBody {
		return nil, top, &Error{0, fmt.Sprintf("%d bytes, more than %d", len(body), maxBody)}
	}
	all := lines{rest: body}
	top.lines = all
	for {
		l, ok := all.next()
		if !ok {
			break
		}
		if hasControl(l) { // what we copy into the other leg's SDP must not make lines there
			return nil, top, &Error{all.line, "control character"}
		}
		if len(l) < 2 || l[1] != '=' || l[0] < 'a' || l[0] > 'z' {
			return nil, top, &Error{all.line, fmt.Sprintf("%q is not of the form x=...", cut(l))}
		}
		t := text{strings.TrimSpace(l[2:]), all.line}
		switch l[0] {
		case 'v':
			if t.value != "0" {
				return nil, top, &Error{t.line, fmt.Sprintf("version %q is unknown", cut(t.value))}
			}
		case 'c':
			at := &top
			if len(media) > 0 {
				at = &media[len(media)-1]
			}
			if at.conn.line == 0 {
				at.conn = t
			}
		case 'm':
			if len(media) == maxMedia {
				return nil, top, &Error{t.line, fmt.Sprintf("more than %d m= lines", maxMedia)}
			}
			m, err := readMedia(t)
			if err != nil {
				return nil, top, err
			}
			m.lines = all
			media = append(media, m)
		}
	}
	if len(media) == 0 {
		return nil, top, &Error{0, "no m= line"}
	}
	return media, top, nil
}

// pick chooses the audio line: one that is on before one that is off. A second audio line is refused by the answer.
func pick(media []Media) int {
	off := -1
	for i := range media {
		switch m := &media[i]; {
		case !m.Usable():
		case !m.Off():
			return i
		case off < 0:
			off = i
		}
	}
	return off
}

// lines goes through a body.
type lines struct {
	rest string
	line int // the number of the last one
}

// next returns the next line that is not blank; a blank one in the wrong place harms nobody.
func (l *lines) next() (string, bool) {
	for l.rest != "" {
		var s string
		s, l.rest, _ = strings.Cut(l.rest, "\n")
		l.line++
		if s = strings.TrimRight(s, "\r \t"); s != "" {
			return s, true
		}
	}
	return "", false
}

// attr returns the value of the next a= line before the next m= line.
func (l *lines) attr() (text, bool) {
	for {
		s, ok := l.next()
		if !ok || s[0] == 'm' {
			return text{}, false
		}
		if s[0] == 'a' {
			return text{strings.TrimSpace(s[2:]), l.line}, true
		}
	}
}

// field splits off what comes before white space.
func field(s string) (first, rest string) {
	s = strings.TrimSpace(s)
	if i := strings.IndexFunc(s, unicode.IsSpace); i >= 0 {
		return s[:i], strings.TrimSpace(s[i:])
	}
	return s, ""
}

// readMedia reads "audio 49170/2 RTP/AVP 0 8 101".
func readMedia(t text) (Media, error) {
	kind, rest := field(t.value)
	ports, rest := field(rest)
	proto, formats := field(rest)
	if formats == "" {
		return Media{}, &Error{t.line, fmt.Sprintf("m=%s: type, port, protocol and formats expected", cut(t.value))}
	}
	digits, _, _ := strings.Cut(ports, "/")
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return Media{}, &Error{t.line, fmt.Sprintf("port %q is not in 0-65535", cut(ports))}
	}
	return Media{Type: strings.ToLower(kind), Port: uint16(port), Proto: proto, Formats: formats, line: t.line}, nil
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
	net, rest := field(c.value)
	family, rest := field(rest)
	at, _ := field(rest)
	if at == "" || net != "IN" || family != "IP4" && family != "IP6" {
		return &Error{c.line, fmt.Sprintf("c=%s: IN IP4 or IN IP6 and an address expected", cut(c.value))}
	}
	host, _, _ := strings.Cut(at, "/") // a TTL, which only multicast has
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return &Error{c.line, fmt.Sprintf("%q is not an IP address", cut(at))}
	}
	if addr.Is4() != (family == "IP4") {
		return &Error{c.line, fmt.Sprintf("%s is not of the family %s", addr, family)}
	}
	m.Addr = addr.Unmap()
	return nil
}

func (m *Media) readDirection(top *Media) {
	m.Direction = callstate.SendRecv // RFC 3264 §5.1
	for _, list := range [...]lines{top.lines, m.lines} {
		for a, ok := list.attr(); ok; a, ok = list.attr() {
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

// hasControl tells whether a line holds control characters other than tabs.
func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// cut keeps error texts short whatever a peer sent.
func cut(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
