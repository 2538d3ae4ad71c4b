// Package ozeki serves the Ozeki HTTP API: /api?command=..., by GET or as a posted form, answered in XML.
//
// It is a thin adapter. Each command is one row of the table in commands.go, the same for a URL request and for an element
// of a script: it turns parameters into one [callstate.Request]; what the request means is decided in the call's own queue.
// The package may import callstate, its neighbours in control but the other dialect, and the standard library: no SIP, no
// media.
//
// Applications are told of calls by posted forms (spec ozeki 5), and answer with scripts (OzML), which package ozml runs. A
// session keeps both in order for its call: one notification after the other, never two at once, and one script after the
// other; what happens while a script runs is told at once. A script speaks for an API extension when it answers IncomingCall
// or CallConnected, and its end hangs up; one that answers CallChanged steers a call of others. Nothing here makes a call
// wait, nor one application for another. Bounds: maxPosts and maxScripts of a call, maxWaiting of all, postsAt of a host.
//
// URLs that scripts and commands name are requested at the hosts that the config names only, and no redirection is
// followed (edge case X18).
//
// An answer is always HTTP 200; the code of the API stands in the XML (spec ozeki 1). Checks come in this order: 300
// malformed, 304 and 305 credentials, 301 unknown command, 303 a command of scripts only, 302 parameters, 601 no such
// call, and then the answer of the call itself.
//
// Secrets: a password is compared in constant time and taken out of the parameters at once, so that nothing behind the
// check can log or echo it. Texts that a client sent and that an answer repeats go through echo.
//
// What scripts say is not logged, nor is of a URL more than its host.
//
// Goroutines: those of a session, one that posts while there is something to tell and one that runs scripts while there are
// any; [API.Close] waits for them, with a bound. [API.ServeHTTP] runs on those of the HTTP server, the watcher of notices on
// those that give them out.
package ozeki
