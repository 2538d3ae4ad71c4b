package g711

import "testing"

// ITU-T G.711 tables 1a to 2b: a code is the nearest one to the value it stands for.
func TestRoundTrip(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		if got := EncodeU(DecodeU(c)); got != c && c != 0x7f { // 0x7f is the other zero
			t.Errorf("mu-law %#02x -> %d -> %#02x", c, DecodeU(c), got)
		}
		if got := EncodeA(DecodeA(c)); got != c {
			t.Errorf("A-law %#02x -> %d -> %#02x", c, DecodeA(c), got)
		}
	}
}

func TestKnownCodes(t *testing.T) {
	for _, c := range []struct {
		sample int16
		u, a   byte
	}{
		{0, 0xff, 0xd5}, {8, 0xfe, 0xd5}, {-8, 0x7e, 0x55}, {1000, 0xce, 0xfa}, {-1000, 0x4e, 0x7a},
		{32767, 0x80, 0xaa}, {-32768, 0x00, 0x2a}, {32124, 0x80, 0xaa},
	} {
		if u, a := EncodeU(c.sample), EncodeA(c.sample); u != c.u || a != c.a {
			t.Errorf("%d: got %#02x %#02x, want %#02x %#02x", c.sample, u, a, c.u, c.a)
		}
	}
	if DecodeU(SilenceU) != 0 || DecodeA(SilenceA) != 8 {
		t.Error("the codes of silence are not the smallest")
	}
}

// The error of coding is at most half a step, and steps grow with the segment: about 1/32 of the value.
func TestError(t *testing.T) {
	for s := -32124; s <= 32124; s++ {
		limit := max(s, -s)/28 + 16
		if d := int(DecodeU(EncodeU(int16(s)))) - s; max(d, -d) > limit {
			t.Fatalf("mu-law %d is off by %d", s, d)
		}
		if d := int(DecodeA(EncodeA(int16(s)))) - s; max(d, -d) > limit {
			t.Fatalf("A-law %d is off by %d", s, d)
		}
	}
}

func TestTranscode(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	got := make([]byte, 256)
	ToA(got, all)
	for i := range all {
		if d := int(DecodeA(got[i])) - int(DecodeU(byte(i))); max(d, -d) > max(int(DecodeU(byte(i))), -int(DecodeU(byte(i))))/28+16 {
			t.Errorf("mu-law %#02x became %#02x, off by %d", i, got[i], d)
		}
	}
	ToU(got, all)
	for i := range all {
		if d := int(DecodeU(got[i])) - int(DecodeA(byte(i))); max(d, -d) > max(int(DecodeA(byte(i))), -int(DecodeA(byte(i))))/28+16 {
			t.Errorf("A-law %#02x became %#02x, off by %d", i, got[i], d)
		}
	}
}
