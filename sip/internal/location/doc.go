// Package location is the registrar's store: which contacts an address of record (AOR) is bound to, and the way to each
// (RFC 3261 §10, RFC 5626).
//
// It knows bindings and the order of REGISTERs, not SIP messages: the caller has authenticated, has checked the syntax
// and the interval of a REGISTER, and turns it into [Change] values. Everything is in memory, in shards by AOR, safe
// for concurrent use. The package does no I/O, reads no clock and starts no goroutine: every time is given, an expired
// binding is never returned, and its owner calls [Memory.Sweep] now and then to free it.
package location
