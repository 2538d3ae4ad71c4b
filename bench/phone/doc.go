// Package phone is a SIP phone on the level of text, with RTP, tones and tone detection. It stands on nothing but the
// standard library, so that it can bear witness about code that it shares nothing with.
//
// A phone registers, calls, is called, holds, transfers, sends and hears tones and digits, and can be told to
// misbehave: see Option, Config.OnRequest, Phone.Send and Phone.Do. It remembers every message (Transcript) and counts
// them (Received, Sent, Count).
//
//	alice, err := phone.New(phone.Config{Number: "2000", Password: "secret", Server: "127.0.0.1:5060"})
//	if err != nil { ... }
//	defer alice.Close()
//	err = alice.Register(ctx, 300)
//	call, err := alice.Dial(ctx, "2001")
//	err = call.WaitAnswer(ctx)
//	call.Media.SendTone(440)
//	err = call.Media.WaitTone(ctx, 1000) // what the other side sends
//	err = call.Hold(ctx, phone.SendOnly)
//	err = call.Hangup()
//
// and on the other side
//
//	call, err := bob.WaitCall(ctx)
//	call.Ring()
//	call.Answer()
//
// A transferor has two calls and
//
//	accepted, err := call.ReferReplaces(ctx, consultation) // or call.Refer(ctx, "sip:2002@example.com", phone.ThenHangup())
//	reports, err := call.WaitReported(ctx, accepted)  // its NOTIFYs
//
// and a Provider is a phone that plays an outside line: see Rules.
//
// Two phones can call each other without a switch: Server is then the address of the other phone. In a
// testing/synctest bubble, Net is a network in memory: phone.Over(memnet.New(...).ListenPacket).
//
// Where things go: requests go to Config.Server, those inside a dialog of an incoming call to where its INVITE came
// from, whatever Contact and Record-Route say, as a phone behind a NAT does; Config.FollowContact changes that.
// Responses go to where the request came from. Request-URI and Route headers follow RFC 3261 §12.2.1.1 always.
//
// What it may not do: import a SIP, SDP or RTP library, or any package of this module.
//
// Goroutines: one reader per signalling socket or TCP connection (and the TCP accept loop), one reader per RTP socket,
// one sender per Media while it sends, one per running OnInvite. Timers run as time.AfterFunc. Close waits for all.
// Locks: Phone.mu guards signalling, Media.mu one stream; Media.mu may be taken with Phone.mu held, never the reverse.
package phone
