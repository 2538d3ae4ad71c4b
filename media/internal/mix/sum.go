package mix

// Sum adds up frames without loss.
type Sum [most]int32

// Add adds a frame.
func (s *Sum) Add(frame []int16) {
	for i, x := range frame {
		s[i] += int32(x)
	}
}

// Cut writes the sum into dst, cut to 16 bits.
func (s *Sum) Cut(dst []int16) {
	for i := range dst {
		dst[i] = int16(min(max(s[i], -32768), 32767))
	}
}
