// Command bench loads a SIP switch from outside and writes down what that cost: "go run ./bench SCENARIO".
//
//	calls         sipp: registered users call each other, with digest, at a rate for a time
//	trunks        sipp: from one outside line to another, without digest, with somebody who reads the events
//	sustained     the same, or calls, at one rate for long
//	capacity      the same at rates that rise until a step is not clean
//	delay         what is added to INVITE and 180 from one outside line to another
//	register      sipp: a storm of registrations, each challenged and answered
//	media         holds calls and sends G.711 both ways, with the time of sending in each packet
//	blind         transfers by REFER, with the gap in what the transferee receives
//	attended      the same by REFER with Replaces, after a consultation
//	blind-api     the transferee is moved by the P-Series API
//	attended-api  the consultation is begun and completed by it
//	kamailio      calls against Kamailio as a stateful proxy, then against ringdown, for the ratio
//	rtpengine     media through rtpengine in user space, then through ringdown, for the ratio
//	all           the rows of RESULTS.md
//
// It builds ringdown and runs it on free loopback ports, or takes a switch that runs already (-peer, -pid). What a
// switch costs is read from the kernel's accounting of its processes, so that it holds on a busy machine. A run that
// was not clean says why, and gives no figure.
//
// It is a witness: it may not import any package of this module but bench/phone. It needs Linux (/proc); the sipp
// scenarios need sipp, Debian package sip-tester; the two that compare need kamailio and rtpengine-daemon.
//
// Goroutines: one per child that waits for its end, two while media flows.
package main
