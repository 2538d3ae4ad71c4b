package media

import (
	"math"
	"math/cmplx"
	"time"

	"github.com/pion/rtp"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// voice is a phone that says one tone, by which the others know it.
type voice struct {
	*handset
	kind codec.Kind
	pt   uint8
	hz   float64
	at   int // samples said
	enc  *codec.Encoder
}

// loud is the amplitude of a voice.
const loud = 6000

// payloadTypes are the static ones (RFC 3551 §6).
var payloadTypes = map[codec.Kind]uint8{codec.PCMU: 0, codec.PCMA: 8, codec.G722: 9}

// say sends packets of so many ms that hold ms of the tone in all, all at once.
func (v *voice) say(ms, packet int) {
	v.t.Helper()
	for range ms / packet {
		v.send(v.pt, false, v.frame(packet), uint32(8*packet))
	}
}

// frame is the next packet of the tone.
func (v *voice) frame(ms int) []byte {
	pcm := make([]int16, v.kind.Rate()/1000*ms)
	for i := range pcm {
		pcm[i] = int16(loud * math.Sin(2*math.Pi*v.hz*float64(v.at+i)/float64(v.kind.Rate())))
	}
	v.at += len(pcm)
	b := make([]byte, 8*ms)
	v.enc.Encode(b, pcm)
	return b
}

// talk has voices speak for so long, in packets of 20 ms, one after the other within each 20 ms.
func talk(d time.Duration, voices ...*voice) {
	const slot = 20 * time.Millisecond
	for range d / slot {
		for _, v := range voices {
			v.say(20, 20)
			time.Sleep(slot / time.Duration(len(voices)))
		}
	}
}

// sound is what a phone has heard: its packets, and what they sound like.
type sound struct {
	packets []*rtp.Packet
	rate    float64
	pcm     []float64 // -1 to 1
}

// listen takes what has arrived and checks that it is one stream of the voice's codec.
func (v *voice) listen() sound {
	v.t.Helper()
	return v.decode(v.hear())
}

func (v *voice) decode(packets []*rtp.Packet) sound {
	v.t.Helper()
	s := sound{packets: packets, rate: float64(v.kind.Rate())}
	dec := codec.NewDecoder(v.kind)
	for i, p := range s.packets {
		if p.PayloadType != v.pt {
			v.t.Fatalf("packet %d: %+v, want payload type %d", i, p.Header, v.pt)
		}
		if i > 0 {
			if last := s.packets[i-1]; p.SSRC != last.SSRC || p.SequenceNumber != last.SequenceNumber+1 ||
				p.Timestamp-last.Timestamp < uint32(len(last.Payload)) || int(p.Timestamp-last.Timestamp) > len(last.Payload)+240 {
				v.t.Fatalf("packet %d: %+v after %+v", i, p.Header, last.Header)
			}
		}
		pcm := make([]int16, len(p.Payload)*v.kind.Samples())
		dec.Decode(pcm, p.Payload)
		for _, x := range pcm {
			s.pcm = append(s.pcm, float64(x)/32768)
		}
	}
	return s
}

// part is what was heard from one time to another.
func (s sound) part(from, to time.Duration) sound {
	at := func(d time.Duration) int { return min(int(d.Seconds()*s.rate), len(s.pcm)) }
	return sound{rate: s.rate, pcm: s.pcm[at(from):at(to)]}
}

// level is the amplitude of a frequency, by Goertzel's algorithm under a Hann window.
func (s sound) level(hz float64) float64 {
	n := len(s.pcm)
	var sum complex128
	for i, x := range s.pcm {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(n))
		sum += complex(x*w, 0) * cmplx.Exp(complex(0, -2*math.Pi*hz*float64(i)/s.rate))
	}
	return 4 * cmplx.Abs(sum) / float64(n)
}

// hears checks whose tones are in a sound, and that nobody else's are.
func (v *voice) hears(s sound, all []*voice, want ...*voice) {
	v.t.Helper()
	if len(s.pcm) == 0 {
		v.t.Fatalf("leg %d heard no packet", v.leg.N)
	}
	for _, w := range all {
		wanted := false
		for _, x := range want {
			wanted = wanted || x == w
		}
		level := s.level(w.hz) / (loud / 32768.0)
		if wanted && (level < 0.8 || level > 1.2) || !wanted && level > 0.03 {
			v.t.Errorf("leg %d hears leg %d (%v Hz) at %.3f of its level, wanted: %v", v.leg.N, w.leg.N, w.hz, level, wanted)
		}
	}
}

// party opens a leg for a phone that speaks one codec.
func (b *bed) party(h *handset, k codec.Kind, more string) *voice {
	b.Helper()
	v := &voice{handset: h, kind: k, pt: payloadTypes[k], hz: 300 + 150*float64(h.leg.N), enc: codec.NewEncoder(k)}
	b.Do(callstate.OpenMedia{Leg: h.leg, Offer: h.sdp(v.formats() + more)})
	b.Do(callstate.MakeAnswer{Leg: h.leg})
	h.port(one[callstate.AnswerMade](b).SDP)
	return v
}

func (v *voice) formats() string {
	return map[codec.Kind]string{codec.PCMU: "0", codec.PCMA: "8", codec.G722: "9"}[v.kind]
}

// meet has every one of a few legs hear the others.
func (b *bed) meet(voices ...*voice) {
	for _, v := range voices {
		var others []callstate.LegID
		for _, w := range voices {
			if w != v {
				others = append(others, w.leg)
			}
		}
		b.Do(callstate.Connect{Leg: v.leg, Hears: others})
	}
}
