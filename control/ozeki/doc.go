// Package ozeki serves the Ozeki HTTP API: /api?command=..., by GET or as a posted form, answered in XML.
//
// It is a thin adapter. Each command is one row of the table in commands.go that turns parameters into one
// [callstate.Request]; what the request means is decided in the call's own queue. The package may import callstate,
// its neighbours in control but the other dialect, and the standard library: no SIP, no media.
//
// An answer is always HTTP 200; the code of the API stands in the XML (spec ozeki 1). Checks come in this order: 300
// malformed, 304 and 305 credentials, 301 unknown command, 303 a command of scripts only, 302 parameters, 601 no such
// call, and then the answer of the call itself.
//
// Secrets: a password is compared in constant time and taken out of the parameters at once, so that nothing behind the
// check can log or echo it. Texts that a client sent and that an answer repeats go through echo.
//
// Goroutines: none of its own. [API.ServeHTTP] runs on those of the HTTP server, the watcher of notices on those that
// give them out.
package ozeki
