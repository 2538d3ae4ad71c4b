package g722

// band is the adaptive predictor and scale factor of one sub-band (blocks 3 and 4), the same in encoder and decoder.
type band struct {
	s     int32    // the predicted sample (PREDIC)
	sz    int32    // the zero section's part of it (FILTEZ)
	r     int32    // the newest reconstructed sample, doubled
	p     [2]int32 // the newest partially reconstructed ones (PARREC)
	a     [2]int32 // coefficients of the pole section, in units of 2^-14
	b     [6]int32 // and of the zero section
	d     [6]int32 // the newest quantized differences, doubled
	log   int32    // logarithm of the scale factor
	scale int32
}

// adapt takes the quantized difference of a sample and predicts the next one.
func (q *band) adapt(d int32) {
	r := sat(q.s + d)
	p := sat(q.sz + d)

	// UPPOL2, UPPOL1: the signs of p against those of the two before it.
	same1, same2 := p^q.p[0] >= 0, p^q.p[1] >= 0
	w := sat(q.a[0] << 2)
	if same1 {
		w = -w
	}
	a2 := min(w, 32767)>>7 + q.a[1]*32512>>15
	if same2 {
		a2 += 128
	} else {
		a2 -= 128
	}
	a2 = min(max(a2, -12288), 12288)
	a1 := q.a[0] * 32640 >> 15
	if same1 {
		a1 += 192
	} else {
		a1 -= 192
	}
	limit := 15360 - a2
	a1 = min(max(a1, -limit), limit)

	// UPZERO, FILTEZ
	step := int32(128)
	if d == 0 {
		step = 0
	}
	last, sum := sat(d+d), int32(0)
	for i := range q.b {
		// The sign of the product of the differences, without a branch.
		sign := (d ^ q.d[i]) >> 31
		b := q.b[i]*32640>>15 + (step ^ sign - sign)
		q.b[i] = b
		sum += last * b >> 15
		last, q.d[i] = q.d[i], last
	}
	q.sz = sat(sum)

	// FILTEP, PREDIC
	r2 := q.r
	q.r = sat(r + r)
	q.s = sat(sat(q.r*a1>>15+r2*a2>>15) + q.sz)
	q.a = [2]int32{a1, a2}
	q.p = [2]int32{p, q.p[0]}
}

// low takes the upper 4 bits of a code of the low band (INVQAL, LOGSCL, SCALEL).
func (q *band) low(code byte) {
	d := q.scale * inverse4[code] >> 15
	q.log = min(max(q.log*127>>7+multiply4[code], 0), mostLow)
	q.scale = scaleLow[q.log>>6]
	q.adapt(d)
}

// high takes a code of the high band (INVQAH, LOGSCH, SCALEH), and returns its quantized difference.
func (q *band) high(code byte) (d int32) {
	d = q.scale * inverse2[code] >> 15
	q.log = min(max(q.log*127>>7+multiply2[code], 0), mostHigh)
	q.scale = scaleHigh[q.log>>6]
	q.adapt(d)
	return d
}

// bands are both, as they are at the start.
type bands struct{ lower, higher band }

func fresh() bands { return bands{band{scale: 32}, band{scale: 8}} }

// sat cuts to 16 bits.
func sat(x int32) int32 { return min(max(x, -32768), 32767) }
