// Package memnet is a UDP network in memory, for tests in virtual time.
//
// A Network carries datagrams between the Conns that were opened on it. It can lose, repeat, delay and reorder them,
// always in the same way for the same seed: the fate of the n-th datagram of a flow (source, destination) depends on
// the seed, the flow and n only, never on what other flows do.
//
//	n := memnet.New(memnet.Options{Seed: 1, Loss: 0.1, Delay: 20 * time.Millisecond})
//	defer n.Close()
//	alice, _ := n.ListenPacket("192.0.2.1:5060")
//	bob, _ := n.ListenPacket("192.0.2.2:0")
//
// Everything that blocks, blocks on channels made by New and ListenPacket, so that a network which is made inside a
// testing/synctest bubble is durably blocked there.
//
// Goroutines: none of its own. Delayed datagrams wait in one heap behind one time.AfterFunc, which Close stops.
package memnet
