// Package sip is where SIP becomes events and commands become SIP. It registers phones, challenges them, and keeps the
// dialog of every leg: route set, remote target, CSeq, offer/answer legality, retransmission of 2xx, glare. What a call
// means is not decided here: that is callstate's.
//
// A leg is worked on by one goroutine at a time: whatever happens to it (a request, a response, a timer, a command) is
// an input in its queue, and who finds the queue idle works it off. So nothing here holds a lock while it sends.
//
// Goroutines: those of the transaction layer (one a UDP socket, two a stream connection), one for each listener,
// one for each trunk, and one that sweeps expired bindings; Close ends and awaits them all. There is none per leg or call.
//
// Files: agent.go sockets and life, serve.go requests, register.go and auth.go the registrar, invite.go legs that
// call us, dial.go legs that we call, stray.go answers that nobody wants, moved.go phones that change their address,
// dialog.go what both share, offer.go re-INVITE and UPDATE, bye.go ends, refer.go transfers, referto.go what they ask
// for, replaces.go dialogs that others name, partner.go whom a phone is shown, info.go digits, leg.go the queue.
// redirect.go a phone's 302. Outside lines: trunk.go their config, trunk_state.go who is called, trunk_resolve.go names,
// trunk_keep.go the goroutine and OPTIONS, trunk_register.go, trunk_identify.go, trunk_leg.go legs at a trunk,
// trunk_auth.go challenges.
package sip
