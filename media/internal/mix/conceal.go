package mix

// concealer fills gaps with what was heard last: backward from its end, forward again, and so on, so that there is no
// jump, and ever more quietly. One that has heard nothing gives silence.
type concealer struct {
	full int         // samples of 20 ms
	last [most]int16 // what was heard last, at its end
	n    int         // how much of it there is
	at   int         // samples of the gap so far
	gap  bool
}

// A gap is silent after so many times what was heard last: 60 ms.
const fadeOut = 3

// silent tells that there is nothing but silence now.
func (c *concealer) silent() bool { return c.gap && c.at >= c.limit() }

func (c *concealer) limit() int { return fadeOut * c.n }

// conceal fills dst, which lies in a gap.
func (c *concealer) conceal(dst []int16) {
	c.gap = true
	for i := range dst {
		dst[i] = c.sample()
	}
}

func (c *concealer) sample() int16 {
	limit := c.limit()
	if c.at >= limit {
		return 0
	}
	i := c.at % (2 * c.n)
	if i < c.n {
		i = c.n - 1 - i
	} else {
		i -= c.n
	}
	s := int(c.last[len(c.last)-c.n+i]) * (limit - c.at) / limit
	c.at++
	return int16(s)
}

// heard takes what is not concealed. The end of a gap is faded over.
func (c *concealer) heard(part []int16) {
	if c.gap {
		n := min(c.full/8, len(part)) // 2.5 ms
		for i := range n {
			part[i] = int16((int(c.sample())*(n-i) + int(part[i])*i) / n)
		}
		c.gap, c.at = false, 0
	}
	kept := copy(c.last[:], c.last[min(len(part), most):])
	copy(c.last[kept:], part)
	c.n = min(c.n+len(part), c.full)
}

// fade goes from a to b; dst may be either.
func fade(dst, a, b []int16) {
	n := len(dst)
	for i := range dst {
		dst[i] = int16((int(a[i])*(n-i) + int(b[i])*i) / n)
	}
}
