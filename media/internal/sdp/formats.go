package sdp

import (
	"fmt"
	"strconv"
	"strings"
)

// readCodecs adds the codecs that the line lists.
func (m *Media) readCodecs(list []Codec) ([]Codec, error) {
	var room [usual]explained
	told, err := m.readMaps(explanations{list: room[:0]})
	if err != nil {
		return nil, err
	}
	var seen [128]bool
	for f := range strings.FieldsSeq(m.Formats) {
		n, err := strconv.ParseUint(f, 10, 8)
		if err != nil || n > 127 {
			return nil, &Error{m.line, fmt.Sprintf("payload type %q is not in 0-127", cut(f))}
		}
		pt := uint8(n)
		if seen[pt] {
			continue
		}
		seen[pt] = true
		var e explained
		if i := told.index[pt]; i > 0 {
			e = told.list[i-1]
		}
		c := e.Codec
		if !e.mapped {
			known, ok := static[pt]
			if !ok {
				continue // dynamic without rtpmap: nobody knows what it is
			}
			known.Fmtp = c.Fmtp
			c = known
		}
		c.PT = pt
		// The same format twice, under two numbers: the first is the preferred one.
		if _, dup := Find(list, c); !dup {
			list = append(list, c)
		}
	}
	return list, nil
}

// explained is what a= lines say of a payload type; of each kind the first.
type explained struct {
	Codec
	mapped, fmtp bool
}

// explanations are those of one m= line.
type explanations struct {
	index [128]uint8 // by payload type, from 1
	list  []explained
}

func (m *Media) readMaps(told explanations) (explanations, error) {
	attrs := m.lines
	for a, ok := attrs.attr(); ok; a, ok = attrs.attr() {
		key, rest, _ := strings.Cut(a.value, ":")
		if key != "rtpmap" && key != "fmtp" {
			continue
		}
		number, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, err := strconv.ParseUint(number, 10, 8)
		if err != nil || n > 127 {
			return told, &Error{a.line, fmt.Sprintf("payload type %q is not in 0-127", cut(number))}
		}
		value = strings.TrimSpace(value)
		if told.index[n] == 0 {
			told.list = append(told.list, explained{})
			told.index[n] = uint8(len(told.list))
		}
		e := &told.list[told.index[n]-1]
		if key == "fmtp" {
			if !e.fmtp {
				e.Fmtp, e.fmtp = value, true
			}
			continue
		}
		c, ok := readMap(value)
		if !ok {
			return told, &Error{a.line, fmt.Sprintf("rtpmap %q: name/clock expected", cut(value))}
		}
		if !e.mapped {
			c.Fmtp = e.Fmtp
			e.Codec, e.mapped = c, true
		}
	}
	return told, nil
}

// readMap reads "opus/48000/2".
func readMap(s string) (Codec, bool) {
	name, rest, ok := strings.Cut(s, "/")
	if !ok || !token(name) {
		return Codec{}, false
	}
	rate, channels, more := strings.Cut(rest, "/")
	clock, err := strconv.ParseUint(rate, 10, 24)
	if err != nil || clock == 0 {
		return Codec{}, false
	}
	c := Codec{Name: name, Clock: int(clock), Channels: 1}
	if more {
		n, err := strconv.ParseUint(channels, 10, 8)
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
