// Package access is what every dialect of the HTTP API does at its door: it checks a name with its secret in constant
// time, lets a number pass that may become part of a SIP URI, and counts requests in so that a stop can wait for them.
//
// It knows no dialect, no SIP and no call, and starts no goroutine.
package access
