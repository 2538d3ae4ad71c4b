// Package reports sends call reports to application servers, as a Yeastar S-Series PBX does (spec yeastar-s 5.1, 6.3,
// 6.5): a POST of one JSON object per report, on a connection of its own.
//
// It tells of what extensions do themselves: a transfer by REFER or feature code is a "Tranfer" (the vendor's spelling),
// a forwarding setting is a "Forward" and by default a "Tranfer" as well (spec yeastar-s 4.3). What an application asks
// for is never reported. Reports are derived from notices alone; calls and their legs are named by control/channels.
//
// The reports of one call arrive in order. How they are repeated, bounded and given up is that of control/delivery: a
// receiver that hangs, refuses or is gone delays neither a call nor another receiver. The watcher of notices runs on the
// goroutines of the calls, and only queues. [Reports.Close] waits for the goroutines, with a bound.
package reports
