// Package sdp reads, chooses and writes session descriptions (RFC 8866) by the rules of offer and answer (RFC 3264).
//
// It is pure: bytes and values in, bytes and values out. Reading is our own, not a library's: a switch has to mirror
// lines that it does not understand (T.38, BFCP, ...) in its answer, has to live with attributes in odd places, and
// has to say in which line a fault is.
package sdp
