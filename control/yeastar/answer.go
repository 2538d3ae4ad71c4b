package yeastar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"ringdown/callstate"
)

// errcode is the outcome of a request (spec yeastar-p 3).
type errcode int

const (
	codeInternal       errcode = -2
	codeFailure        errcode = -1
	codeSuccess        errcode = 0
	codeProcessing     errcode = 2
	codeNoInterface    errcode = 10001
	codeVersion        errcode = 10003
	codeToken          errcode = 10004
	codeDenied         errcode = 10005
	codeSyntax         errcode = 40001
	codeParameter      errcode = 40002
	codeNoData         errcode = 60001
	codeMax            errcode = 60002
	codeAddressBlocked errcode = 70004
	codeNoChannel      errcode = 70130
)

// messages are the documented texts, blanks and underscores literal.
var messages = map[errcode]string{
	codeInternal:       "INTERNAL SERVER ERROR",
	codeFailure:        "FAILURE",
	codeSuccess:        "SUCCESS",
	codeProcessing:     "PROCESSING",
	codeNoInterface:    "INTERFACE NOT EXISTED",
	codeVersion:        "API VERSION UNSUPPORTED",
	codeToken:          "TOKEN EXPIRED",
	codeDenied:         "ACCESS DENIED",
	codeSyntax:         "PARAMETER SYNTAX ERROR",
	codeParameter:      "PARAMETER ERROR",
	codeNoData:         "DATA NOT FOUND",
	codeMax:            "MAX LIMITATION EXCEEDED",
	codeAddressBlocked: "ACCOUNT IP BLOCKED",
	codeNoChannel:      "CHANNEL ID NOT FOUND",
}

// answer is the body of an answer.
type answer struct {
	Code    errcode `json:"errcode"`
	Message string  `json:"errmsg"`
	*grant
	CallID string `json:"call_id,omitempty"`
	Total  *int   `json:"total_number,omitempty"`
	Data   any    `json:"data,omitempty"` // a list; an empty one is there, as []

	listed bool // the answer is a list of calls: these, instead of Data
	calls  []*view
	reason string // for the log: why, where the code does not say
}

func success() *answer { return answerOf(codeSuccess, "") }

// answerOf makes an answer without a payload. The reason must not repeat what a client sent.
func answerOf(code errcode, reason string) *answer {
	return &answer{Code: code, Message: messages[code], reason: reason}
}

// refusal turns the error of callstate.Calls.Do into an answer (spec yeastar-p 3, the mapping for call endpoints).
// After a time-out the command may still take effect (edge case A5), so it is neither success nor failure.
func refusal(err error) *answer {
	e, ok := errors.AsType[*callstate.Error](err)
	switch {
	case !ok && errors.Is(err, context.DeadlineExceeded):
		return answerOf(codeProcessing, err.Error())
	case !ok:
		return answerOf(codeInternal, err.Error())
	case e.Kind == callstate.NoSuchCall, e.Kind == callstate.NoSuchLeg:
		return answerOf(codeNoChannel, err.Error())
	case e.Kind == callstate.Denied:
		return answerOf(codeDenied, err.Error())
	case e.Kind == callstate.BadTarget, e.Kind == callstate.BadRequest:
		return answerOf(codeParameter, err.Error())
	}
	return answerOf(codeFailure, err.Error())
}

// marshal writes JSON without the \u003c of encoding/json: clients that take the backslashes out of msg by text
// replacement would read it wrong (spec yeastar-p 8).
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("yeastar: " + err.Error()) // only types of this package get here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
