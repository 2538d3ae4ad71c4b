package dtmf

import "strings"

// keys are the digits in the order of their event codes (RFC 4733 §3.2).
const keys = "0123456789*#ABCD"

// Code returns the event code of a key.
func Code(key byte) (uint8, bool) {
	i := strings.IndexByte(keys, key)
	return uint8(i), i >= 0
}

// Key returns the key of an event code; "" for events that are no keys.
func Key(code uint8) string {
	if int(code) >= len(keys) {
		return ""
	}
	return keys[code : code+1]
}

// PayloadSize is the length of an event's payload.
const PayloadSize = 4

// Payload is the payload of one telephone-event packet (RFC 4733 §2.3):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	|     event     |E|R| volume    |          duration             |
type Payload struct {
	Event    uint8
	End      bool
	Volume   uint8 // -dBm0, 0-63
	Duration uint16
}

// Read reads a payload. Further events in it, which RFC 2833 allowed, are ignored.
func Read(b []byte) (Payload, bool) {
	if len(b) < PayloadSize {
		return Payload{}, false
	}
	return Payload{Event: b[0], End: b[1]&0x80 != 0, Volume: b[1] & 0x3f, Duration: uint16(b[2])<<8 | uint16(b[3])}, true
}

// Write writes p into the first four bytes of b.
func (p Payload) Write(b []byte) {
	_ = b[3]
	b[0], b[1], b[2], b[3] = p.Event, p.Volume&0x3f, byte(p.Duration>>8), byte(p.Duration)
	if p.End {
		b[1] |= 0x80
	}
}
