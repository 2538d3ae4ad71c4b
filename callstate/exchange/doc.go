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
//	runner.run            at most one per call,     Post, Do, a timer, the mailbox is       Stop and Close, through
//	                      none while it is idle     Stop, Close        empty or the call    the count of calls
//	                                                                   is over
//	time.AfterFunc        one per firing timer,     the runtime        it has posted        nobody; it posts to a call
//	                      for a moment                                 TimerFired           or finds it over
//
// Watchers, Signaller.Do and Media.Do run on the call's goroutine. Do, List, Get, Stop and Close run on that of their
// caller.
//
// Locks: a call has none. Its mailbox, timers and waiting requests share one mutex, which is never held while Step,
// an adapter or a watcher runs; the index has one per shard. Where legs are that have moved is under one
// lock for all calls (moved), held for reading from the look-up of a call until the event is in its mailbox, and for
// writing while legs move. A shard's or a mailbox's mutex may be taken inside of that one, and nothing else of these
// inside of another.
package exchange
