package jitter

import "time"

// The lead of packets, in ticks.
const (
	window  = 100 // steps in which the smallest is looked for
	enough  = 20  // packets that make a window count
	least   = 40  // 5 ms; below it a step is repeated
	start   = 80  // 10 ms; what play starts with, and what a skip leaves
	most    = start + Frame + 40
	tooLate = 3 // packets that came too late for which a window is cut short
)

// Wish is what a Buffer wants done about its delay.
type Wish uint8

const (
	Keep   Wish = iota
	Skip        // play two steps in the time of one
	Repeat      // play a step twice
)

// note remembers how early a packet came. at is its distance from the next step.
func (b *Buffer) note(at int, now time.Duration) {
	due := floor(at) + Frame
	lead := due - int((now-b.stepped)/tick)
	if b.leads == 0 || lead < b.lead {
		b.lead = lead
	}
	b.leads++
	if lead < 0 {
		b.late++
	}
}

// judge looks at the leads of the window that has passed.
func (b *Buffer) judge() {
	b.steps++
	switch {
	case b.steps < window && b.late < tooLate:
		return
	case b.late >= tooLate || b.leads >= enough && b.lead < least:
		b.wish = Repeat
	case b.leads >= enough && b.lead > most:
		b.wish = Skip
	}
	b.newWindow()
}

func (b *Buffer) newWindow() { b.steps, b.leads, b.late = 0, 0, 0 }

// Wish returns what is to be done now, once. A Skip needs the two steps that it takes.
func (b *Buffer) Wish() Wish {
	w := b.wish
	if w == Skip && b.Waiting() < Frame {
		return Keep
	}
	b.wish = Keep
	return w
}

// Delay has play wait for one step, for a Repeat: what is to be played next is played one step later.
func (b *Buffer) Delay(now time.Duration) { b.stepped = now; b.newWindow() }
