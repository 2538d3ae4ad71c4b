package tx

// state is a state of RFC 3261 figures 5 to 8, as changed by RFC 6026.
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
