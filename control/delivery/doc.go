// Package delivery sends messages to HTTP servers of others: events to webhooks, reports to application servers.
//
// Messages of one lane (one call, say) arrive in the order in which they were put. One that is not taken, which is any
// outcome but 2xx, is sent again after growing gaps, and those of its lane wait behind it; other lanes go on. After the
// last try it is given up. There is a bound on the messages that wait; the oldest goes when there is no room. What is
// lost in either way is counted, and logged once when it begins and once when it is over (edge case A10). So is a receiver
// that does not take what it is sent: its first failure is logged with what went wrong, and its recovery.
//
// Nothing here makes anybody wait: [Sender.Put] only queues. The goroutines belong to the Sender; [Stop] waits for them,
// with a bound. A URL may hold secrets (a user with a password, a token): no more than its host is logged, and of an
// answer no more than its status. Redirections are not followed: a message is for the place that was named, not for one
// that this place names.
package delivery
