// Package tx is the transaction layer of ringdown: RFC 3261 §17 and §18 with RFC 6026, over sipgo's message types.
//
// A [Layer] owns sockets. It reads requests and responses from them, refuses what is not SIP, matches the rest to
// transactions, absorbs and makes retransmissions, and hands what is new to a [Handler] or to the callback of the
// client transaction. What a request means is not its business: it knows no dialog, no call, no registration.
//
// # Who does what
//
//   - The layer sends: retransmissions of requests and of non-2xx answers, ACK to non-2xx, 200 or 481 to CANCEL,
//     4xx/5xx to requests that are broken, 503 when it is full.
//   - The user sends: 100 Trying, every other answer (487 after Cancelled as well), ACK to 2xx ([Layer.Send]), the
//     retransmissions of a 2xx to INVITE until its ACK comes ([Server.Resend2xx]).
//   - A non-INVITE transaction that is not answered within 64*T1 is forgotten without an answer (RFC 4320 §4.2). An
//     INVITE transaction waits for its user without limit, on both sides; the ring time-out is the user's.
//
// # Order and concurrency
//
// One goroutine reads a UDP socket, one a stream connection, and one at a time runs the timers. Callbacks run on these,
// in order of arrival, and must not block: post to a queue and return. No lock of the layer is held then, so every
// method may be called from a callback, except Close. Callbacks of one transaction never overlap; those of different
// sockets do. All methods may be called from any goroutine. A panic in a callback is logged with its stack, answers 500
// where a request waits, and harms nothing else.
//
// # Messages
//
// Requests and responses that reach a callback have passed the checks of sanity.go: one From, To, Call-ID and CSeq,
// Vias that can be read, a legal start line, a body of the announced length. Compact header names are expanded. Via,
// From, To, Contact, Route, Record-Route, Call-ID, CSeq, Max-Forwards, Content-Length and Content-Type have sipgo's
// types, all other headers are plain text. The strings of one message share its memory: keep few of them for long, or
// strings.Clone them. Of several Contact headers, sipgo's Contact method returns the last: use GetHeaders.
//
// Goroutines: one per UDP socket and listener, two per stream connection, none per transaction. Close ends them all.
package tx
