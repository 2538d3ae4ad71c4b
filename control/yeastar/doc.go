// Package yeastar serves the Yeastar P-Series OpenAPI v1.0: /openapi/v1.0/..., JSON in and out, tokens, and events by
// WebSocket and webhook.
//
// It is a thin adapter. Each endpoint is one row of the table in endpoints.go that turns parameters into one
// [callstate.Request]; what the request means is decided in the call's own queue. Events are derived from notices
// alone: the [board] compares what a call shows now with what it showed before. The package may import callstate,
// what the dialects share (control/access, control/channels, control/delivery), a WebSocket library and the standard
// library: no SIP, no media, no other dialect.
//
// An answer is always HTTP 200; errcode tells what happened (spec yeastar-p 3). Checks come in this order: 70004 address
// blocked, 10003 version, 10001 path and method, 40002 no User-Agent (if one is required), 10004 token, 40001 body,
// 40002 parameters, 70130 channel, and then the answer of the call itself.
//
// Secrets: client secrets and tokens are kept as hashes, compared in constant time and never logged. What a client sent
// is not repeated in any answer and stands in no log before it is known to be an id of ours.
//
// Goroutines: two for each WebSocket connection, one for each webhook; [API.Close] waits for all of them. The watcher
// of notices runs on the goroutines of the calls and never blocks: it appends to bounded queues. A WebSocket client
// whose queue is full is cut off, since it can connect again and ask for the state; how a webhook is served that is slow
// or away is that of control/delivery. Either way the order of a call's events is kept.
package yeastar
