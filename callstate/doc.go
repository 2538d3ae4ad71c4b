// Package callstate is the meaning of a call: a deterministic state machine, events in, commands out.
//
// It opens no socket, reads no clock and starts no goroutine. sip, media and control turn their own languages into
// events and carry the commands out; package exchange runs one goroutine at a time round each call's [Call.Step].
//
// The states of a call, a leg and a transfer are plain strings in plain structs, so that a call can be copied,
// compared and encoded. Which state follows which is data, in machines.go, which looplab/fsm reads once at start;
// states.md draws it. Terms are those of the RFCs: a leg is one party's dialog and stream; the transferor leaves, the transferee
// stays, the target is added (RFC 5589).
package callstate
