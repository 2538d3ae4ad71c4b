package yeastar

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"

	"ringdown/control/delivery"
)

// hook sends events to one webhook (spec yeastar-p 6.2). Those of one call arrive in order, and those of one extension;
// what is not taken is sent again (edge case A10).
type hook struct {
	events *subscriber
	sender *delivery.Sender
}

// startHook begins to take events.
func startHook(i int, w Webhook, h *hub, c Config) *hook {
	k := &hook{sender: delivery.Start(delivery.Config{
		Name: fmt.Sprintf("yeastar.webhooks[%d] at %s", i, delivery.Host(w.URL)), URL: w.URL,
		Method: cmp.Or(w.Method, http.MethodPost), Head: w.head, Transport: c.Transport, Log: c.Log,
	})}
	k.events = &subscriber{send: k.sender.Put, all: len(w.Events) == 0, topics: w.Events}
	h.join(k.events)
	return k
}

// stopHooks gives all hooks together a moment to send what is queued, and waits for them.
func stopHooks(h *hub, hooks []*hook) {
	senders := make([]*delivery.Sender, len(hooks))
	for i, k := range hooks {
		h.leave(k.events)
		senders[i] = k.sender
	}
	delivery.Stop(senders)
}

func (w Webhook) head(h http.Header, body []byte) {
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "ringdown")
	if w.Secret != "" {
		h.Set("X-Signature", sign(w.Secret, body))
	}
}

// sign is X-Signature: base64 of HMAC-SHA256 of the raw body.
func sign(secret string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}
