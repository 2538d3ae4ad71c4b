package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// pseries is an application that steers the switch by the P-Series API (Yeastar's OpenAPI v1.0): it has a token, and
// connections that it keeps.
type pseries struct {
	base   string // URL up to v1.0
	client *http.Client
	token  string
}

// apiAnswers is how long a command may wait for its answer.
const apiAnswers = 10 * time.Second

// pseriesReply is what is read of an answer.
type pseriesReply struct {
	Code    int    `json:"errcode"`
	Message string `json:"errmsg"`
	Token   string `json:"access_token"`
	Data    []struct {
		ID      string `json:"call_id"`
		Members []struct {
			Extension struct {
				Number  string `json:"number"`
				Channel string `json:"channel_id"`
			} `json:"extension"`
		} `json:"members"`
	} `json:"data"`
}

// newPSeries gets a token.
func newPSeries(ctx context.Context, base, id, secret string) (*pseries, error) {
	p := &pseries{base: base, client: &http.Client{Timeout: apiAnswers, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	got, err := p.post(ctx, "get_token", map[string]string{"username": id, "password": secret})
	if err != nil {
		p.close()
		return nil, err
	}
	p.token = got.Token
	return p, nil
}

func (p *pseries) close() { p.client.CloseIdleConnections() }

// channels are the channel ids of the calls of a number, by the numbers of those who take part.
func (p *pseries) channels(ctx context.Context, number string) (map[string]string, error) {
	got, err := p.get(ctx, "call/query", url.Values{"extension": {number}})
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, call := range got.Data {
		for _, m := range call.Members {
			ids[m.Extension.Number] = m.Extension.Channel
		}
	}
	return ids, nil
}

// get asks for something.
func (p *pseries) get(ctx context.Context, endpoint string, query url.Values) (*pseriesReply, error) {
	return p.send(ctx, http.MethodGet, endpoint, query, nil)
}

// post makes a command.
func (p *pseries) post(ctx context.Context, endpoint string, body map[string]string) (*pseriesReply, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return p.send(ctx, http.MethodPost, endpoint, url.Values{}, raw)
}

// send makes one request; a refusal is an error.
func (p *pseries) send(ctx context.Context, method, endpoint string, query url.Values, body []byte) (*pseriesReply, error) {
	if p.token != "" {
		query.Set("access_token", p.token)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+"/"+endpoint+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "OpenAPI")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, withoutURL(err))
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, err)
	}
	got := new(pseriesReply)
	if err := json.Unmarshal(raw, got); err != nil {
		return nil, fmt.Errorf("%s: %s, %w", endpoint, resp.Status, err)
	}
	if got.Code != 0 {
		return nil, fmt.Errorf("%s was refused: %d %s", endpoint, got.Code, got.Message)
	}
	return got, nil
}

// withoutURL is what went wrong, without the URL, which holds the token.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
