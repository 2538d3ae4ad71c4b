package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// openClient calls the Yeastar API as an application does: JSON over HTTP with a token.
type openClient struct{ base, token string }

// openReply is what is read of an answer.
type openReply struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
	Token   string `json:"access_token"`
	Data    []struct {
		Members []struct {
			Extension struct {
				Number  string `json:"number"`
				Channel string `json:"channel_id"`
			} `json:"extension"`
		} `json:"members"`
	} `json:"data"`
}

// send sends a request that must succeed; params are name and value in turn, nil for a GET.
func (o *openClient) send(ctx context.Context, path string, params []string) (r openReply, err error) {
	method, body := http.MethodGet, []byte(nil)
	if params != nil {
		fields := map[string]string{}
		for i := 0; i+1 < len(params); i += 2 {
			fields[params[i]] = params[i+1]
		}
		method = http.MethodPost
		if body, err = json.Marshal(fields); err != nil {
			return r, err
		}
	}
	where := o.base + path
	if o.token != "" {
		where += "?access_token=" + url.QueryEscape(o.token)
	}
	req, err := http.NewRequestWithContext(ctx, method, where, bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "OpenAPI")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if r.Code != 0 {
		return r, fmt.Errorf("%s %v: %d %s", path, params, r.Code, r.Message)
	}
	return r, nil
}

// login gets the token that all other requests need.
func (o *openClient) login(ctx context.Context) error {
	r, err := o.send(ctx, "get_token", []string{"username", demoClientID, "password", string(demoClientSecret)})
	o.token = r.Token
	return err
}

// call sends a command of the call family.
func (o *openClient) call(ctx context.Context, path string, params ...string) error {
	_, err := o.send(ctx, path, params)
	return err
}

// channels are the channel ids of all members of all calls, by number.
func (o *openClient) channels(ctx context.Context) (map[string]string, error) {
	r, err := o.send(ctx, "call/query", nil)
	ids := map[string]string{}
	for _, c := range r.Data {
		for _, m := range c.Members {
			ids[m.Extension.Number] = m.Extension.Channel
		}
	}
	return ids, err
}
