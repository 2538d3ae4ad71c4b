// Package exchange runs calls: it takes events from sip, media and control to the call that they are about, lets
// [callstate.Call.Step] decide one event after the other, and carries the commands out in order.
//
// It knows no SIP, RTP or HTTP; sip and media stand behind [Signaller] and [Media], control sees [callstate.Calls].
//
// Promises:
//   - Step of one call never runs twice at once, and its events are taken in the order in which they were posted.
//   - All commands of one step are carried out, in order, before the next event of that call is taken.
//   - Before a command of a step is carried out, lists already show what that step changed.
//   - [Exchange.Post] never blocks. Each Do is answered: by the call, by its end, or by its own context.
//   - A panic in a step or in a command ends that call and no other.
//   - A leg that is handed over keeps the order of its events: those that wait for it go with it, behind LegsHanded.
//     Each Fetch has one answer, whichever of the two calls ends meanwhile, and no handed leg is left without a call.
//
// Goroutines:
//
//	what                  how many                  fed by             lives until          waited for by
//	workers.work          one per call that has     Post, Do, a timer, a call is done and   Stop and Close
//	                      something to do, and up   Stop, Close        8 others rest, or
//	                      to 8 that rest                               there is no call
//	                                                                   and never will be
//	time.AfterFunc        one per firing timer,     the runtime        it has posted        nobody; it posts to a call
//	                      for a moment                                 TimerFired           or finds it over
//
// Watchers, Signaller.Do and Media.Do run on the worker that has the call. Do, List, Get, Stop and Close run on the
// goroutine of their caller.
//
// Locks: a call has none. Its mailbox, timers and waiting requests share one mutex, which is never held while Step,
// an adapter or a watcher runs; the index has one per shard. Where legs are that have moved is under one
// lock for all calls (moved), held for reading from the look-up of a call until the event is in its mailbox, and for
// writing while legs move. A shard's or a mailbox's mutex may be taken inside of that one, that of the workers who rest
// inside of a mailbox's, and nothing else of these inside of another.
package exchange
