package sdp

import (
	"net/netip"
	"testing"

	"ringdown/callstate"
)

// A usual desk phone's offer.
const offered = "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" +
	"m=audio 6000 RTP/AVP 0 8 9 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"

func BenchmarkParse(b *testing.B) {
	body := []byte(offered)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	s, err := Parse([]byte(offered))
	if err != nil {
		b.Fatal(err)
	}
	l := Local{ID: 1 << 31, Version: 1, Addr: netip.MustParseAddr("192.0.2.9"), Media: []Out{{Type: "audio", Proto: "RTP/AVP", Port: 20000,
		Codecs: s.Media[0].Codecs, Ptime: 20, Direction: callstate.SendRecv}}}
	b.ReportAllocs()
	for b.Loop() {
		Write(l)
	}
}
