// Package media is RTP and SDP for callstate: it turns media commands into sockets and packets, and tells what happens
// there as events. It knows no SIP and no calls, only legs: one phone's stream each, with its own port.
//
// # Contract
//
// [Engine.Do] carries out a command before it returns and never blocks; results come through Config.Post, often during
// Do. Post must not block and must not call the engine. Commands of one leg come one after the other; of different legs
// at the same time. After CloseMedia nothing about that leg is posted. What fails changes nothing.
//
// An offer of ours (MakeOffer) is in force from TakeAnswer on; an offer that is never answered has no effect. An answer
// of ours is in force from MakeAnswer on. TakeAnswer may come several times for one offer, since a forked INVITE brings
// several answers.
//
// Connected is told when the codecs of both legs are known: at once, or after the negotiation that makes them known,
// and again when a later negotiation changes it.
//
// MediaSilent counts from the last packet or negotiation, so it is also told about a phone that has offered but waits
// to be answered.
//
// What a leg hears may be one leg, several, or a sound. One leg is relayed, or transcoded where the codecs differ; several
// are mixed, which is told as Transcoded. PCMU, PCMA and G722 can be made and read; if a leg that is heard, or the hearer,
// uses another codec, Impossible is told, and the rest of a mix goes on without it.
//
// # Clips
//
// A [Library] makes audio ready to be played: a file, speech or a beep, in the forms in which PCMU, PCMA and G722 send it. It
// takes its time, and whoever asks waits for it, not the call; PlayClip then only names the clip. A clip takes the place of
// all that a leg hears, in the same stream, as an injected digit does, and those go on unheard:
//
//	peer   a0   a1   a2   a3   a4   a5   a6   a7   a8   a9   a10  a11
//	clip             c0   c1             c2   c3
//	digit                      d    d
//	out    a0   a1   c0   c1   d    d    c2   c3   a8   a9   a10  a11
//
// A digit of the peer that begins meanwhile is told as not passed, so that the call sends it; one that has begun is
// passed on to its end, for which the clip waits. On a leg whose codec cannot be made a clip waits 5 s for another one.
//
// # Recordings
//
// StartRecord makes a WAV file in the media folder, of PCM of 16 bits, mono, at 8000 Hz, whatever the phones speak. It
// hears legs as a mix does, which changes nothing about what others hear of them: a relay stays one. The time in the file
// is that of the call; it can be played at any time, and after a crash all but its last second. A disk that is too slow,
// full or gone ends the recording or leaves silence in it, and is told; calls do not notice.
//
// # The path of a packet
//
//	socket -> forwarder -> leg.receive -> latch -> format -+-> digit detector
//	                                                       +-> route: as it is, or coded anew ---> outbound -> socket
//	                                                       +-> mix.Source: jitter buffer              ^
//	                                                             |                                    |
//	                             clock, every 20 ms:  decode, to 8 and 16 kHz -+-> sum, encode -------+
//	                                                 the other legs' Sources --+-> sum -> recording   |
//	                                                                           +-> keys' tones        |
//	                             clock, every 20 ms:  tones, music, clips, digits --------------------+
//
// A leg is one Source, however many hear it; a hearer adds up those that it hears, so that nobody hears himself. A mix
// delays what is said by 20 to 50 ms, more only where the network needs it; packets of any length go in, of 20 ms come
// out. A key that is pressed in a mix goes to every hearer as an event at the timestamps of his stream, for whose length
// the mix is not sent to him, or, when one of them cannot take it, to nobody: then the call is told, and sends it.
//
// # Digits that are kept
//
// TakeDigits has a gate keep a phone's digits from whoever hears it, so that the call can read a code. What is decided
// when an event begins holds to its end. None of a kept event's packets goes out to anyone; a relay goes on with the
// next number, as after a phone's own pause, and a mix with the others' voices.
//
//	keys      1       *       0       3             9 9
//	gate      open    shut                          open again, by TakeDigits
//	relayed   1                                     9 9
//	told      1 passed  * kept  0 kept  3 kept      9 passed  9 passed
//
// # Digits in the audio
//
// TakeDigits{Inband} has an ear listen for the tones of keys in what a phone sends: they are told when they end, 40 ms
// after, and pass. One who sends events as well is heard only by those.
//
// # From one to the other
//
// What a leg hears changes at a packet, never with a gap. A mix that begins goes on from what each leg has just sent
// (recent), since its delay has to be filled: 20 to 40 ms are heard twice. A relay that begins leaves out as much.
//
//	relay  a1 a2 a3 a4 |                    | a9 a10        of alice, as bob hears her
//	mix                | a3 a4 a5 a6 a7     |
//
// The clock of what we make and those of the phones are not in step. So a sound goes on for one more frame, if none of
// the relay's packets has come by then, and one that takes a relay's place begins before its tick, if that would be later
// than 20 ms after the relay's last packet: the phone waits no longer than between any two packets.
//
//	clock  |     |     |     |     |     |     |     |     |     |
//	alice     a1    a2    a3    a4    a5    a6    a7    a8    a9
//	heard  music          alice^             music   ^
//	out    m1    m2    m3    m4 a4    a5    a6    a7 m1    m2    m3
//
// So more is sent than time has passed: by up to 20 ms a change. Package timeline bounds it; what we make ourselves is sent in
// packets of 10 ms until it is in step again (RFC 3551 §4.2 lets a packet be of any length), so that nothing is lost and
// nobody waits. Where there is nothing of ours in between, from phone to phone and from and to a mix, a packet is left out
// once the stream would be more than 30 ms ahead.
//
// G.722 is not coded packet by packet: coder and decoder know what went before, and must know the same. So an encoder
// that takes over first follows the 200 ms that were relayed, and when a phone's own packets take over they are decoded
// and coded anew for half a second, until its encoder and ours agree. What is transcoded or mixed has one encoder per
// outgoing stream for all its life.
//
// A leg has one outgoing stream for its whole life: one SSRC, one sequence, one timeline (package timeline), whatever
// feeds it. An injected digit freezes everything else; its packets share the timestamp of its start:
//
//	time   0     20    40    60    80    100   120   140   160   180   200 ms
//	peer   a0    a1    a2    a3    a4    a5    a6    a7    a8    a9    a10
//	out    M,160 320   480   640   800E  800E  800E  M,a7  a8    a9    next digit
//	seq    n     n+1   n+2   n+3   n+4   n+5   n+6   n+7   n+8   n+9   n+10
//	ts     T     T     T     T     T     T     T     T+1120 ...        T+1600
//
// # Back ends
//
// A back end (forwarder) brings packets from the sockets to the legs and sends theirs. Legs that hear each other may be on
// different ones, and a leg may go from one to another while packets flow (Engine.handOver): the stream, its recordings and
// whoever hears it know nothing of it, since all of that is the leg's. What comes meanwhile waits in the socket.
//
//	one        reads ... leave                        | flush, Close
//	another            | adopt, start   reads ...
//	sent by    one ...                                | another ...
//
// The order is what keeps the packets in theirs: leave returns when the last packet that one has read is done with, and
// nobody sends between the flush and the change.
//
// # Ports
//
// A leg's port is the one of the range that is free for the longest time, at least for half a second. With epoll its
// socket may rest with it, bound and read in vain, so that under load none is opened for a call; those that nobody needs
// for 10 to 20 s are closed. A quarter of the descriptors of the process may be used so; when there are none left, none is.
//
// # Goroutines
//
//	what              how many            fed by                    ends
//	a shard of epoll  one per two cores   the sockets of its legs   Close, which waits
//	clock.run         one                 a timer, wake-ups         Close, which waits
//	Library.finish    one per clip that is    whoever asks for it       its time-out, and Library.Close, which waits
//	                  made, 100 at most
//	recording.write   one per recording   the clock, EndRecord      its end, and Close, which waits
//
// A shard has the system take and send many packets at a time, by io_uring, where there is one.
//
// Where there is no epoll, or the network is not the system's, each leg has a goroutine that reads its socket, until
// the socket is closed; Close waits for those too.
//
// The clock's goroutine makes all mixes and sends them. It has no timer while no leg plays, hears a mix, sends digits or
// waits for the end of a digit, none is recorded or listened to, and no silence check is due.
package media
