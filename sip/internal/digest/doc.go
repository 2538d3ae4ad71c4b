// Package digest is digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): it writes challenges and judges the answers
// to them, and it answers those of others.
//
// A challenge leaves no state behind: its nonce proves itself by a MAC. State starts when a right answer uses a nonce,
// it is of fixed size, and it lives until the nonce expires. The package does no I/O, starts no goroutine, never logs,
// and hands out no secret; an [Authenticator] may be used by any number of goroutines at once.
//
// What the caller does with a [Status]:
//
//	OK         serve the request
//	Missing    401 or 407 with Challenges(false)
//	Stale      401 or 407 with Challenges(true): the password was right, the nonce was not
//	Wrong      403, or a fresh challenge, and count it against the source; same for known and unknown users
//	Malformed  400: another challenge would bring the same answer again
//
// A [Challenge] is the other side: what a trunk of ours asks of us, and our answer to it.
//
// The header is read here and not by icholy/digest because that reader loses what this side must judge: the nc as it
// was sent, repeated parameters, and the difference between absent and empty. The tests use it as the phone.
package digest
