package ozeki

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"ringdown/control/delivery"
	"ringdown/control/ozml"
)

const (
	maxAnswer  = 64 << 10        // bytes of what an application answers
	postsAt    = 256             // requests that may be under way at one host
	maxWaiting = 4096            // notifications that may wait, of all calls together, beside those whose answer is waited for
	lastWords  = 2 * time.Second // how long Close lets notifications be sent
	maxIll     = 1024            // hosts that are known not to answer
	quiet      = time.Minute     // at least, between two lines that say so of one
	finalTries = 3               // of a notification that tells an end
	firstGap   = time.Second     // between two of them, doubled each time
)

// notification is one request to an application.
type notification struct {
	name  string // NotificationName
	url   string // it may hold secrets: its host alone is logged
	form  form
	keep  bool // somebody waits for it, or it tells an end: it is never dropped for lack of room
	lax   bool // an answer that is no document ("OK") is none, and no fault
	tries int  // how often it is sent when it is not taken; 0: once
	// answer is given the script that came back, nil when there was none; nil where nothing may come back. It must not block.
	answer func(script *ozml.Script, err error)
}

// asks tells whether a call waits for the answer.
func (n *notification) asks() bool { return n.keep && n.answer != nil && !n.lax }

// postman sends notifications. The order of those of a call is its session's.
type postman struct {
	client  *http.Client
	timeout time.Duration
	ctx     context.Context // ends with the last words
	stop    context.CancelFunc

	mu      sync.Mutex
	slots   map[slotKey]*slot
	waiting int
	lost    int               // since the log last said so
	ill     map[string]health // hosts that did not answer
}

// slot are the requests at one host: they are bounded for each apart, so that one that does not answer takes no place of
// another's. Those that a call waits for have places of their own.
type slot struct {
	free  chan struct{}
	users int
}

type slotKey struct {
	host string
	asks bool
}

func newPostman(c Config) *postman {
	p := &postman{timeout: c.Notify.Timeout, slots: map[slotKey]*slot{}, ill: map[string]health{}}
	if p.timeout == 0 {
		p.timeout = defaultTimeout
	}
	transport := c.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: p.timeout}).DialContext,
			TLSHandshakeTimeout: p.timeout, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxAnswer, ForceAttemptHTTP2: true, DisableCompression: true,
		}
	}
	p.client = &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// room counts a notification in; false when it must be dropped. first tells that it is the first of many.
func (p *postman) room(keep bool) (ok, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !keep && p.waiting >= maxWaiting {
		p.lost++
		return false, p.lost == 1
	}
	p.waiting++
	return true, false
}

// drop counts one out that was not sent.
func (p *postman) drop() (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting--
	p.lost++
	return p.lost == 1
}

// sent counts one out, and tells how many were lost before when that is over.
func (p *postman) sent() (lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting--; p.waiting < maxWaiting/2 {
		lost, p.lost = p.lost, 0
	}
	return lost
}

// health is what the log says of a host that does not answer.
type health struct {
	ill   bool      // the log says so, and not yet that it answers again
	since time.Time // when the log said so last
}

// turned tells whether the log has to say that a host does not answer any more, or does again. A host that does now this,
// now that, one of whose places hangs, say, is told of once a minute.
func (p *postman) turned(host string, answers bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, known := p.ill[host]
	now := time.Now()
	switch {
	case answers && h.ill:
		h.ill = false
	case !answers && !h.ill && (known || len(p.ill) < maxIll) && now.Sub(h.since) >= quiet:
		h = health{true, now}
	default:
		return false
	}
	p.ill[host] = h
	return true
}

// slot takes a place at a host; leave must follow.
func (p *postman) slot(n *notification) (leave func(), err error) {
	host := slotKey{delivery.Host(n.url), n.asks()}
	ctx, cancel := context.WithTimeout(p.ctx, p.timeout)
	defer cancel()
	p.mu.Lock()
	s := p.slots[host]
	if s == nil {
		s = &slot{free: make(chan struct{}, postsAt)}
		p.slots[host] = s
	}
	s.users++
	p.mu.Unlock()
	done := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(p.slots, host)
		}
	}
	select {
	case s.free <- struct{}{}:
		return func() { <-s.free; done() }, nil
	case <-ctx.Done():
		done()
		return nil, errors.New("too many requests wait for this application")
	}
}

// refusal is an answer that cannot be used, as opposed to none.
type refusal string

func (r refusal) Error() string { return string(r) }

// send posts one notification, as often as it may be tried, and reads the script that it is answered with.
func (p *postman) send(n *notification) (script *ozml.Script, err error) {
	gap := firstGap
	for try := 1; ; try++ {
		var body []byte
		if body, err = p.once(n); err == nil {
			return p.read(n, body)
		}
		if try >= n.tries || p.ctx.Err() != nil {
			return nil, err
		}
		pause(p.ctx, gap)
		gap *= 2
	}
}

// once makes one request. Its error names neither the URL nor what came back.
func (p *postman) once(n *notification) ([]byte, error) {
	leave, err := p.slot(n)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(p.ctx, p.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(n.form))
	if err != nil {
		return nil, errors.New("the URL cannot be used")
	}
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Cache-Control", "no-store,no-cache")
	r.Header.Set("Pragma", "no-cache")
	r.Header.Set("User-Agent", "ringdown")
	resp, err := p.client.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, fmt.Errorf("answered with %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	return body, err
}

// read makes a script of an answer.
func (p *postman) read(n *notification, body []byte) (*ozml.Script, error) {
	if n.answer == nil || n.lax && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return nil, nil
	}
	script, err := ozml.Parse(body)
	if err != nil {
		return nil, refusal(err.Error())
	}
	if script != nil {
		script.URL = n.url
	}
	return script, nil
}

// close ends what is still under way.
func (p *postman) close() {
	p.stop()
	p.client.CloseIdleConnections()
}
