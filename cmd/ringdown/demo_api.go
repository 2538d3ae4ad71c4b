package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// apiClient calls the Ozeki API as an application does: an HTTP GET and the XML that comes back.
type apiClient struct{ base string }

// apiReply is what is read of an answer.
type apiReply struct {
	Code    int        `xml:"Code"`
	Message string     `xml:"Message"`
	Calls   []apiCall  `xml:"ActiveCalls>Call"`
	History []pastCall `xml:"CallHistory>Call"`
}

// pastCall is one entry of ListCallHistory.
type pastCall struct {
	StartTime   string `xml:"StartTime"`
	Source      string `xml:"Source"`
	Destination string `xml:"Destination"`
	State       string `xml:"State"`
	Dialed      string `xml:"Dialed"`
	CallID      string `xml:"CallId"`
}

type apiCall struct {
	CallID       string `xml:"CallId"`
	Source       string `xml:"Source"`
	Destination  string `xml:"Destination"`
	CallerDialed string `xml:"CallerDialed"`
	CalleeDialed string `xml:"CalleeDialed"`
	RingDuration string `xml:"RingDuration"`
	TalkDuration string `xml:"TalkDuration"`
	CallState    string `xml:"CallState"`
}

// get sends a command with its parameters, name and value in turn.
func (a apiClient) get(ctx context.Context, command string, params ...string) (apiReply, error) {
	q := url.Values{"command": {command}, "Username": {demoHTTPUser}, "Password": {string(demoHTTPPassword)}}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"?"+q.Encode(), nil)
	if err != nil {
		return apiReply{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return apiReply{}, err
	}
	defer res.Body.Close()
	var r apiReply
	err = xml.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&r)
	return r, err
}

// do sends a command that must succeed.
func (a apiClient) do(ctx context.Context, command string, params ...string) error {
	r, err := a.get(ctx, command, params...)
	if err == nil && r.Code != 200 {
		err = fmt.Errorf("%s: %d %s", command, r.Code, r.Message)
	}
	return err
}

func (a apiClient) list(ctx context.Context) ([]apiCall, error) {
	r, err := a.get(ctx, "ListActiveCalls")
	if err == nil && r.Code != 200 {
		err = fmt.Errorf("ListActiveCalls: %d %s", r.Code, r.Message)
	}
	return r.Calls, err
}

// only is the one call in progress.
func (a apiClient) only(ctx context.Context) (apiCall, error) {
	calls, err := a.list(ctx)
	if err == nil && len(calls) != 1 {
		err = fmt.Errorf("%d calls are listed, expected 1", len(calls))
	}
	if err != nil {
		return apiCall{}, err
	}
	return calls[0], nil
}
