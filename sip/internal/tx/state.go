package tx

// state is a state of RFC 3261 figures 5 to 8, as changed by RFC 6026. On the wire UDP; where a timer is 0 on reliable
// transports it says so. RFC 3261 Table 4 has the timers.
//
//	INVITE client    calling --1xx--> proceeding --2xx--> accepted --M 64*T1--> terminated
//	                 A doubles        (1xx: again)        (2xx: each to the user)
//	                 B 64*T1: timeout --3xx-6xx, ACK--> completed --D 64*T1, or 0--> terminated
//
//	other client     trying ----1xx-> proceeding --final--> completed --K T4, or 0--> terminated
//	                 E doubles to T2  E every T2            (absorbs)
//	                 F 64*T1: timeout, in both
//
//	INVITE server    proceeding --2xx--> accepted --L 64*T1--> terminated
//	                 (repeats    --3xx-6xx--> completed --ACK--> confirmed --I T4, or 0--> terminated
//	                  last 1xx)               G doubles to T2   (absorbs)
//	                                          H 64*T1: terminated
//
//	other server     trying --1xx--> proceeding --final--> completed --J 64*T1, or 0--> terminated
//	                 64*T1 without an answer: terminated  (repeats it)
type state uint8

const (
	calling    state = iota // INVITE client, nothing came yet
	trying                  // non-INVITE, nothing came or was sent yet
	proceeding              // a provisional came or was sent; the INVITE server transaction begins here
	accepted                // INVITE, 2xx (RFC 6026)
	completed               // final response
	confirmed               // INVITE server, ACK to a non-2xx came
	terminated
)

var stateNames = [...]string{"calling", "trying", "proceeding", "accepted", "completed", "confirmed", "terminated"}

func (s state) String() string { return stateNames[s] }
