package yeastar

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	hookQueue   = 4096
	hookTimeout = 10 * time.Second
	hookTries   = 8 // with the gaps, about two minutes
	firstGap    = time.Second
	maxGap      = time.Minute
	maxReply    = 64 << 10        // bytes that are read of an answer
	lastWords   = 2 * time.Second // for what is queued when the switch stops
)

// hook sends events to one webhook, one after the other (spec yeastar-p 6.2). An event that is not taken is sent again
// after growing gaps, and those behind it wait, so that the order stays; after the last try it is given up.
type hook struct {
	Webhook
	name   string // for the log: its place and host, no more, for a URL may hold a secret
	log    *slog.Logger
	client *http.Client
	events *subscriber
	lost   atomic.Int64 // events that had no room since the log last said so
	hub    *hub

	ctx    context.Context // ends with the last words
	cancel context.CancelFunc
	last   chan struct{} // closed: send what is queued, without waiting
	done   chan struct{}
}

// startHook begins to take events.
func startHook(i int, w Webhook, h *hub, transport http.RoundTripper, log *slog.Logger) *hook {
	if w.Method == "" {
		w.Method = http.MethodPost
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxReply, ForceAttemptHTTP2: true,
		}
	}
	u, _ := url.Parse(w.URL)
	k := &hook{
		Webhook: w, name: fmt.Sprintf("webhooks[%d] at %s", i, u.Host), log: log, hub: h,
		client: &http.Client{
			Transport: transport, Timeout: hookTimeout,
			// An event is for the place that was named, not for one that this place names.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		last: make(chan struct{}), done: make(chan struct{}),
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.events = &subscriber{queue: make(chan []byte, hookQueue), full: k.full, all: len(w.Events) == 0, topics: w.Events}
	h.join(k.events)
	go k.run()
	return k
}

// full counts an event that has no room; the first is logged at once.
func (k *hook) full() {
	if k.lost.Add(1) == 1 {
		k.log.Warn("yeastar webhook is too slow, new events are lost", "webhook", k.name, "queue", hookQueue)
	}
}

// stopHooks gives all hooks together a moment to send what is queued, and waits for them.
func stopHooks(hooks []*hook) {
	for _, k := range hooks {
		k.hub.leave(k.events)
		close(k.last)
	}
	patience := time.NewTimer(lastWords)
	defer patience.Stop()
	for _, k := range hooks {
		select {
		case <-k.done:
		case <-patience.C:
			patience.Reset(0)
			k.cancel()
			<-k.done
		}
		k.cancel()
		k.client.CloseIdleConnections()
	}
}

func (k *hook) run() {
	defer close(k.done)
	for {
		select {
		case body := <-k.events.queue:
			k.deliver(body)
		case <-k.last:
			for k.ctx.Err() == nil {
				select {
				case body := <-k.events.queue:
					k.deliver(body)
				default:
					return
				}
			}
			return
		}
	}
}

// deliver sends one event until it is taken or given up.
func (k *hook) deliver(body []byte) {
	gap := firstGap
	for try := 1; ; try++ {
		err := k.send(body)
		if err == nil {
			if n := k.lost.Swap(0); n > 0 {
				k.log.Warn("yeastar webhook takes events again", "webhook", k.name, "lost", n)
			}
			return
		}
		k.log.Debug("yeastar webhook", "webhook", k.name, "try", try, "err", err)
		if try == hookTries || !k.wait(gap) {
			k.log.Warn("yeastar webhook did not take an event, it is given up", "webhook", k.name, "tries", try, "err", err)
			return
		}
		gap = min(2*gap, maxGap)
	}
}

// wait lets a gap pass; false when there is no time for it, because the switch stops.
func (k *hook) wait(gap time.Duration) bool {
	t := time.NewTimer(gap)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-k.last:
		return false
	}
}

// send makes one try. Its error names neither the URL nor what came back.
func (k *hook) send(body []byte) error {
	req, err := http.NewRequestWithContext(k.ctx, k.Method, k.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "ringdown")
	if k.Secret != "" {
		req.Header.Set("X-Signature", sign(k.Secret, body))
	}
	resp, err := k.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxReply) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("answered with %d", resp.StatusCode)
	}
	return nil
}

// sign is X-Signature: base64 of HMAC-SHA256 of the raw body.
func sign(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}
