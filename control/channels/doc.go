// Package channels names calls and their legs as Yeastar's APIs do (spec yeastar-s 1, yeastar-p 1): a call by the second
// in which it started and a counter, a leg by the number or trunk at its end and a counter of the whole system. Whoever
// shows a call to the outside takes its names from here, so that all of them agree.
//
// A leg keeps its name when it is handed over to another call, whichever of the two calls speaks first.
//
// It starts no goroutine: what it does runs on the goroutines of the calls, and never blocks.
package channels
