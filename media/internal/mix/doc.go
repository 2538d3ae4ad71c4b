// Package mix makes what several parties say into what one of them hears. A Source is one party's side of it, shared by
// all who hear him: a jitter buffer, a decoder, and one frame per slot of 20 ms at each sampling rate that is wanted.
// A hearer adds up the frames of those whom he hears, never his own, and cuts the sum to 16 bits.
//
// What a Source does about packets that are missing or too many, all without a click:
//
//	nothing came     the last frame backward, forward, backward, fading out over 60 ms
//	it comes again   faded over within 2.5 ms
//	delay too long   two frames faded into one
//	delay too short  a frame is faded back into the one before it, and then played
package mix
