// Package ozml reads and runs OzML: the XML scripts that an application returns when the switch notifies it (spec ozeki
// 7 and 9).
//
// [Parse] reads a document; what is wrong with one is told with its line. [Run] carries out its elements one after the
// other, each finished before the next begins. What steers the script itself is decided here: Var, Array, ForEach, Delay,
// UserInput, GoTo, Exit. The commands of the API ([Commands]) go to the [Host], with their attributes and text as
// parameters and their variables replaced. Any other element is reported and skipped. elements.md has all of them.
//
// The package knows no call, no SIP and no HTTP: whoever runs a script is its Host. It starts no goroutine but those that
// Run waits for.
//
// A script is bounded: bytes, depth and elements of a document ([Parse]); steps, jumps and time of a run ([Limits]);
// what its variables hold.
package ozml
