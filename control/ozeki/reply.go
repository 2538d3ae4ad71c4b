package ozeki

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"ringdown/callstate"
)

// The codes that this API answers with (spec ozeki 3).
const (
	codeOK                     = 200
	codeParseError             = 300
	codeNotImplemented         = 301
	codeInvalidParameter       = 302
	codeInappropriate          = 303
	codeAuthenticationRequired = 304
	codeAuthenticationFailed   = 305
	codeExtensionUnavailable   = 401
	codeCallConnectFailed      = 402
	codeCallNotFound           = 601
)

// reply is the code and the text of one answer. The texts are the documented ones, "occured" included.
type reply struct {
	code    int
	message string
	reason  string // for the log: why, where the documented text does not say
	state   string // how a call ended that was to come about, empty when it is about something else
	opening string // of the document; empty: openSimple
	payload []byte // further elements, which follow Message
}

func success() *reply { return &reply{code: codeOK, message: "Command successfully executed"} }

// listed is the answer with a list.
func listed(payload []byte) *reply {
	r := success()
	r.opening, r.payload = openList, payload
	return r
}

func parseError(err error) *reply {
	return &reply{code: codeParseError, message: fmt.Sprintf("Error occured during parsing message: '%v'", err)}
}

func notImplemented(name string) *reply {
	return &reply{code: codeNotImplemented, message: fmt.Sprintf("Not implemented command: '%s'", name)}
}

func invalidParameter(param, name string) *reply {
	return &reply{code: codeInvalidParameter,
		message: fmt.Sprintf("Missing or invalid parameter '%s' for command '%s'", param, name)}
}

func inappropriate(name string) *reply {
	return &reply{code: codeInappropriate, message: fmt.Sprintf("Command '%s' cannot be used here", name)}
}

func authenticationRequired() *reply {
	return &reply{code: codeAuthenticationRequired, message: "Authentication required"}
}

func authenticationFailed() *reply {
	return &reply{code: codeAuthenticationFailed, message: "Authentication failed, bad username or password"}
}

func callNotFound(id string) *reply {
	return &reply{code: codeCallNotFound, message: fmt.Sprintf("Call not found with ID '%s'", id)}
}

// replyTo turns the error of callstate.Calls.Do into an answer. sent is the command's name as the client wrote it, id
// the CallId as it may be repeated.
//
// The vendor has no code for a call in the wrong state: 303 (spec ozeki 3). Nor is there one for "too busy" and "no
// answer in time". Both are 303 as well, the text going on to say what is known: after a time-out the command may
// still take effect (edge case A5), so that neither success nor a plain refusal would be true.
func (c *command) replyTo(err error, sent, id string) *reply {
	if err == nil {
		return success()
	}
	r := inappropriate(sent)
	refusal, ok := errors.AsType[*callstate.Error](err)
	switch {
	case !ok && errors.Is(err, context.DeadlineExceeded):
		r.message += ": the call did not answer in time, the command may still take effect"
	case !ok:
		r.message += ": internal error"
	case refusal.Kind == callstate.NoSuchCall:
		r = callNotFound(id)
	case refusal.Kind == callstate.Overloaded:
		r.message += ": the call is overloaded, try again"
	case refusal.Kind == callstate.BadTarget, refusal.Kind == callstate.Denied:
		if name := c.documented("destination", "target"); name != "" {
			r = invalidParameter(name, sent)
		}
		r.state = stateOf(refusal)
	case refusal.Kind == callstate.BadRequest:
		if name := c.documented(refusal.Param); name != "" {
			r = invalidParameter(name, sent)
		}
	}
	r.reason = err.Error()
	return r
}

// stateOf is the result of a call to a number that could not be reached (spec ozeki 4.3); empty when it was never called.
func stateOf(no *callstate.Error) string {
	switch no.Text {
	case "not registered":
		return notAnswered
	case "unknown number":
		return notFound
	}
	return endings[callstate.CauseKind(no.Text)].before
}

// The two openings of the vendor's samples, byte for byte: the namespaces stand in either order, and everything is on
// one line with single spaces (spec ozeki 2.1).
const (
	xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	xsd = `xmlns:xsd="http://www.w3.org/2001/XMLSchema"`

	openSimple = `<?xml version="1.0"?> <Response ` + xsi + ` ` + xsd + `>`
	openList   = `<?xml version="1.0"?> <Response ` + xsd + ` ` + xsi + `>`
	closing    = ` </Response>`
)

// append adds the answer.
func (r *reply) append(b []byte) []byte {
	b = append(b, cmp.Or(r.opening, openSimple)...)
	b = r.appendHead(b)
	b = append(b, r.payload...)
	return append(b, closing...)
}

// appendHead adds Code and Message.
func (r *reply) appendHead(b []byte) []byte {
	b = append(b, " <Code>"...)
	b = strconv.AppendInt(b, int64(r.code), 10)
	b = append(b, "</Code> <Message>"...)
	b = appendText(b, r.message)
	return append(b, "</Message>"...)
}
