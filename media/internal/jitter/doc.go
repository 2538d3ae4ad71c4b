// Package jitter lets one stream of RTP be played in steps of 20 ms of another clock: it evens out the network's delay,
// and keeps the delay small when the two clocks drift.
//
// It is for codecs with one payload byte per tick of an RTP clock of 8000 Hz: PCMU, PCMA, G722. So a packet of any
// length is so many bytes at its timestamp, and a step is Frame bytes, whatever the packets were:
//
//	ts       8000         8240         8480
//	packets  |--- 30 ms --|--- 30 ms --|
//	steps       |  20 ms |  20 ms |  20 ms |
//	            ^ play              ^ end: the newest byte
//
// Play starts so that the next packet, when it comes as the last one did, has 10 to 30 ms in hand. This lead is watched
// for 2 s at a time, by its smallest value: one that would let a whole step go asks for a Skip, one that is nearly used
// up for a Repeat. Nothing is ever kept longer than the ring.
package jitter
