package callstate

// Direction is the direction of a stream as the phone stated it, in its own view (RFC 3264 §6.1): sendonly means that
// the phone sends and does not want to hear. An address of 0.0.0.0 is read as Inactive (RFC 3264 §8.4).
type Direction string

const (
	SendRecv Direction = "sendrecv"
	SendOnly Direction = "sendonly"
	RecvOnly Direction = "recvonly"
	Inactive Direction = "inactive"
)

// Holds tells whether a phone that offers this direction puts its partner on hold.
func (d Direction) Holds() bool { return d == SendOnly || d == Inactive }

// Facts is what was read from an SDP body. The bytes pass through the core unread; decisions rest on the facts.
type Facts struct {
	// Codec is the encoding name of the audio: the first of an offer, the chosen one of an answer ("PCMU", "opus").
	// Empty when the body has no usable audio.
	Codec string
	// Direction is the phone's, never empty when Codec is set.
	Direction Direction
	// Events tells whether telephone-event (RFC 4733) was listed.
	Events bool
	// Mixable tells whether media can make and read Codec itself: tones, music and transcoding.
	Mixable bool
	// Info tells whether the phone takes SIP INFO (its Allow header, RFC 6086); filled by sip, not from SDP.
	Info bool
}
