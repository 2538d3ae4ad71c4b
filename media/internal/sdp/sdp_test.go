package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"ringdown/callstate"
)

func TestEvents(t *testing.T) {
	for list, want := range map[string]string{"": "0-15", "0-16": "0-16", "0-15,66,70": "0-15 66 70", "0-11, 16": "0-11 16",
		"rubbish": "0-15", "9-3": "0-15", "0-300": "0-15", "events=0-16": "0-16", "255": "255"} {
		set := Codec{Fmtp: list}.Events()
		var got []string
		for code := 0; code < 256; code++ {
			last := code
			for last < 255 && set.Has(uint8(code)) && set.Has(uint8(last+1)) {
				last++
			}
			switch {
			case !set.Has(uint8(code)):
			case last > code:
				got = append(got, fmt.Sprintf("%d-%d", code, last))
			default:
				got = append(got, fmt.Sprint(code))
			}
			code = last
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", list, got, want)
		}
	}
}

// RFC 3264 §6.1: what may be answered to an offer.
func TestAnswerDirection(t *testing.T) {
	const sr, so, ro, in = callstate.SendRecv, callstate.SendOnly, callstate.RecvOnly, callstate.Inactive
	for _, c := range []struct{ offer, ours, want callstate.Direction }{
		{sr, sr, sr}, {sr, so, so}, {sr, ro, ro}, {sr, in, in},
		{so, sr, ro}, {so, so, in}, {so, ro, ro}, {so, in, in},
		{ro, sr, so}, {ro, so, so}, {ro, ro, in}, {ro, in, in},
		{in, sr, in}, {in, so, in}, {in, ro, in}, {in, in, in},
	} {
		if got := AnswerDirection(c.offer, c.ours); got != c.want {
			t.Errorf("%s, we want %s: got %s, want %s", c.offer, c.ours, got, c.want)
		}
	}
}

func TestChoose(t *testing.T) {
	opus := Codec{PT: 111, Name: "opus", Clock: 48000, Channels: 2}
	g729 := Codec{PT: 18, Name: "G729", Clock: 8000, Channels: 1}
	dtmf := Codec{PT: 101, Name: eventName, Clock: 8000, Channels: 1}
	for _, c := range []struct {
		name    string
		offered []Codec
		partner Partner
		want    string
	}{
		{"what the partner uses", []Codec{PCMA, opus, PCMU}, Partner{Using: opus}, "opus"},
		{"the other law", []Codec{opus, PCMA}, Partner{Using: PCMU}, "PCMA"},
		{"G.711 although it cannot be connected", []Codec{g729, PCMA}, Partner{Using: opus}, "PCMA"},
		{"nothing", []Codec{g729}, Partner{Using: opus}, ""},
		{"nothing that we can make", []Codec{opus}, Partner{Using: PCMU}, ""},
		{"what both list, in the offer's order", []Codec{g729, opus, PCMU}, Partner{Listed: []Codec{PCMU, opus}}, "opus"},
		{"telephone-event is no audio", []Codec{dtmf}, Partner{}, ""},
		{"nobody to suit: what can be made", []Codec{opus, PCMA}, Partner{}, "PCMA"},
		{"nobody to suit: anything", []Codec{opus}, Partner{}, "opus"},
	} {
		got, ok := Choose(c.offered, c.partner)
		if got.Name != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q %v, want %q", c.name, got.Name, ok, c.want)
		}
	}
}

// Edge case X13: sizes.
func TestLimits(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	many := head + "m=audio 4000 RTP/AVP" + strings.Repeat(" 0 8 96", 1000) + "\r\n" + strings.Repeat("a=rtpmap:96 opus/48000/2\r\n", 500)
	s, err := Parse([]byte(many))
	if err != nil || len(s.Media[0].Codecs) != 3 {
		t.Errorf("3000 formats: %v, %d codecs, want 3", err, len(s.Media[0].Codecs))
	}
	for name, body := range map[string]string{
		"m= lines": head + strings.Repeat("m=audio 4000 RTP/AVP 0\r\n", maxMedia+1),
		"bytes":    head + strings.Repeat("a=x\r\n", maxBody),
	} {
		if _, err := Parse([]byte(body)); err == nil {
			t.Errorf("too many %s were accepted", name)
		}
	}
}

// Any bytes: no panic, an *Error on failure, and what is understood survives being written and read again.
func FuzzParse(f *testing.F) {
	head := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
	for _, body := range []string{
		"", "v=0", head + "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendonly\r\n",
		head + "m=audio 4000 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 a=b;c=d\r\na=ptime:20\r\nm=image 1 udptl t38\r\n",
		head + "m=audio 65536 RTP/AVP 0\r\n", head + "m=audio 0 RTP/AVP 0\r\n", head + "m=audio 1/2 RTP/AVPF 0\nc=IN IP6 ::1\n",
		"v=0\nm=audio 1 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=rtpmap:0 x/1\n", "a=\nm=\nc=\n",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Parse(body)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T", err)
			}
			return
		}
		if s.Audio < 0 {
			return
		}
		m := &s.Media[s.Audio]
		if m.Off() || len(m.Codecs) == 0 {
			return
		}
		Choose(m.Codecs, Partner{})
		OfferCodecs(Partner{Listed: m.Codecs}, false)
		out := make([]Out, len(s.Media))
		for i := range s.Media {
			out[i] = Refused(&s.Media[i])
		}
		out[s.Audio] = Out{Type: "audio", Proto: m.Proto, Port: m.Port, Codecs: m.Codecs, Ptime: m.Ptime, Direction: m.Direction}
		again, err := Parse(Write(Local{ID: 1, Version: 1, Addr: netip.MustParseAddr("192.0.2.9"), Media: out}))
		if err != nil {
			t.Fatalf("what we wrote: %v", err)
		}
		n := &again.Media[again.Audio]
		if fmt.Sprint(n.Codecs) != fmt.Sprint(m.Codecs) || n.Ptime != m.Ptime || len(again.Media) != len(s.Media) ||
			again.Audio != s.Audio || n.Port != m.Port {
			t.Fatalf("%+v became %+v", m, n)
		}
	})
}
