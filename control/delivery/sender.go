package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	firstGap = time.Second
	maxGap   = time.Minute
	maxReply = 64 << 10    // bytes that are read of an answer
	maxError = 200         // bytes that are logged of an error, which may quote a receiver that does not speak HTTP
	quiet    = time.Minute // at least, between two lines about the first failures of a receiver

	// MaxQueue is how many messages may wait in a Sender.
	MaxQueue = 4096
	// Tries is how often a message is sent; with the gaps, in about two minutes.
	Tries = 8
	// Timeout is how long one try may take, unless a Config says otherwise.
	Timeout = 10 * time.Second
	// LastWords is how long Stop lets Senders send what is queued.
	LastWords = 2 * time.Second
)

// Config is one receiver.
type Config struct {
	Name    string // for the log
	URL     string // valid, see CheckURL; a user in it is sent as Basic authentication
	Method  string
	Head    func(h http.Header, body []byte) // sets the header of one message
	OneShot bool                             // a new connection for each message
	At      int                              // how many messages may be under way at once; 0: 1
	Timeout time.Duration                    // of one try; 0: Timeout

	Transport http.RoundTripper // nil: one of its own
	Log       *slog.Logger
}

// CheckURL tells what is wrong with the address of a receiver; it repeats none of it, for it may hold a secret.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is neither http:// nor https://")
	case u.Hostname() == "":
		return errors.New("names no host")
	case u.Fragment != "":
		return errors.New("has a fragment, which is never sent")
	}
	return nil
}

// Host is the part of a URL that may be logged.
func Host(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Host
	}
	return ""
}

// Sender sends messages to one receiver. Safe for concurrent use.
type Sender struct {
	Config
	client *http.Client
	ctx    context.Context // ends with the last words
	cancel context.CancelFunc
	wake   chan struct{} // there is something new to do
	last   chan struct{} // closed: send what is queued, without waiting
	done   sync.WaitGroup

	mu    sync.Mutex
	queue queue
	lost  int       // messages since the log last said so
	ill   bool      // the log says that it does not take messages, and not yet that it does
	since time.Time // when the log said so
}

// Start makes a Sender; Stop ends it.
func Start(c Config) *Sender {
	c.At = max(c.At, 1)
	if c.Timeout == 0 {
		c.Timeout = Timeout
	}
	if c.Transport == nil {
		c.Transport = transport(c)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Sender{
		Config: c, queue: newQueue(),
		client: &http.Client{
			Transport: c.Transport, Timeout: c.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wake: make(chan struct{}, c.At), last: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for range c.At {
		s.done.Go(s.run)
	}
	return s
}

// Put queues a message behind those of its lane. It never waits; when there is no room, the oldest message goes.
func (s *Sender) Put(lane string, body []byte) {
	s.mu.Lock()
	dropped := s.queue.put(lane, body, time.Now())
	first := dropped && s.miss()
	s.mu.Unlock()
	if first {
		s.Log.Warn("a receiver is too slow, the oldest messages are lost", "receiver", s.Name, "queue", MaxQueue)
	}
	s.signal()
}

// signal wakes one who sleeps.
func (s *Sender) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// miss counts a message that is lost; true for the first of many. s.mu is held.
func (s *Sender) miss() bool {
	s.lost++
	return s.lost == 1
}

// Stop gives all senders together a moment to send what is queued, and waits for them. Nothing may be put any more.
func Stop(senders []*Sender) {
	for _, s := range senders {
		close(s.last)
	}
	patience := time.AfterFunc(LastWords, func() {
		for _, s := range senders {
			s.cancel()
		}
	})
	defer patience.Stop()
	for _, s := range senders {
		s.done.Wait()
		s.cancel()
		s.client.CloseIdleConnections()
		s.mu.Lock()
		lost := s.lost + s.queue.size
		s.mu.Unlock()
		if lost > 0 {
			s.Log.Warn("messages are lost at the stop", "receiver", s.Name, "lost", lost)
		}
	}
}

// run sends message after message, until there are no more and the switch stops.
func (s *Sender) run() {
	for s.ctx.Err() == nil {
		l, body, wait := s.next()
		switch {
		case l != nil:
			s.deliver(l, body)
		case wait == 0:
			return
		case !s.sleep(wait):
			return
		}
	}
}

// next takes the lane that is to be served now, with its first message, or tells how long there is nothing to do; 0 for
// ever.
func (s *Sender) next() (l *lane, body []byte, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	stopping := s.stopping()
	l = s.queue.first()
	switch {
	case l == nil && stopping:
		return nil, nil, 0
	case l == nil:
		return nil, nil, time.Hour
	case stopping || !l.due.After(now):
		l = s.queue.begin()
		return l, l.head().body, 0
	}
	return nil, nil, l.due.Sub(now)
}

func (s *Sender) stopping() bool {
	select {
	case <-s.last:
		return true
	default:
		return false
	}
}

// sleep lets a time pass, at most until there is something new to do; false when the Sender must end.
func (s *Sender) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.wake:
	case <-s.last:
	case <-s.ctx.Done():
		return false
	}
	return true
}

// deliver makes one try with the first message of a lane.
func (s *Sender) deliver(l *lane, body []byte) {
	err := s.send(body)
	switch o := s.settle(l, err); o.text {
	case "":
	case debugged:
		s.Log.Debug(o.text, "receiver", s.Name, "try", o.try, "err", brief(err))
	case fallenIll:
		s.Log.Warn(o.text, "receiver", s.Name, "err", brief(err), "again_in", o.gap, "tries", Tries)
	case back:
		s.Log.Info(o.text, "receiver", s.Name)
	case recovered:
		s.Log.Warn(o.text, "receiver", s.Name, "lost", o.lost)
	default:
		s.Log.Warn(o.text, "receiver", s.Name, "tries", o.try, "err", brief(err))
	}
	s.signal() // whoever sleeps now need not be one who knows when the lane is due
}

// What is logged of a try. A receiver that is ill is told of when that begins, not for each message.
const (
	debugged  = "a message was not taken"
	fallenIll = "a receiver did not take a message, it is sent again"
	back      = "what is sent to a receiver is taken again"
	recovered = "a receiver takes messages again"
	givenUp   = "a receiver did not take a message, it is given up"
)

// outcome is what is to be logged of a try, nothing when text is empty.
type outcome struct {
	text string
	try  int           // which it was, from 1
	lost int           // messages, when it is over that some are lost
	gap  time.Duration // until the next try
}

// settle puts a lane back after a try.
func (s *Sender) settle(l *lane, err error) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, now := outcome{try: l.tries + 1}, time.Now()
	switch {
	case err == nil:
		s.queue.taken(l)
		well := s.ill && s.queue.failing == 0
		switch {
		case s.lost > 0:
			o.text, o.lost, s.lost = recovered, s.lost, 0
		case well:
			o.text = back
		}
		s.ill = s.ill && !well
	case o.try < Tries && !s.stopping():
		o.text, o.gap = debugged, min(firstGap<<l.tries, maxGap)
		s.queue.again(l, now.Add(o.gap))
		if !s.ill && (s.since.IsZero() || now.Sub(s.since) >= quiet) {
			o.text, s.ill, s.since = fallenIll, true, now
		}
	default:
		o.text = debugged
		if s.miss() {
			o.text = givenUp
		}
		s.queue.taken(l)
	}
	return o
}

// brief is an error for the log.
func brief(err error) string {
	text := err.Error()
	return text[:min(len(text), maxError)]
}
