package reports

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"ringdown/callstate"
	"ringdown/control/channels"
	"ringdown/control/delivery"
)

// MaxURLs is how many application servers there can be.
const MaxURLs = 5

// atOnce is how many reports may be under way to one server: the connection of each is new, which takes time.
const atOnce = 4

// Config is what reports need.
type Config struct {
	URLs        []string        // of application servers, at most MaxURLs; a user in one is sent as Basic authentication
	SN          string          // the serial number in reports
	Names       *channels.Names // of calls and legs, and the source of notices
	ForwardOnly bool            // report a forwarding setting by "Forward" alone, not by "Tranfer" too
	Label       string          // what the log calls it, as the key of the config; empty: reports
	Timeout     time.Duration   // how long a server may take to answer; 0: 10 s
	Log         *slog.Logger    // nil: no log

	Transport http.RoundTripper // nil: one of its own for each server
}

// Validate reports all faults of c at once; it repeats no URL.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("reports: "+format, args...)) }
	if c.Names == nil {
		fault("Names is missing")
	}
	if c.Timeout < 0 {
		fault("a time is negative")
	}
	if len(c.URLs) > MaxURLs {
		fault("%d URLs, at most %d are possible", len(c.URLs), MaxURLs)
	}
	for i, u := range c.URLs {
		if err := delivery.CheckURL(u); err != nil {
			fault("urls[%d] %w", i, err)
		}
	}
	return errors.Join(faults...)
}

// Reports sends reports until it is closed.
type Reports struct {
	Config
	senders []*delivery.Sender
	stop    func()
}

// New begins to report; c must be valid. Close ends it.
func New(c Config) *Reports {
	r := &Reports{Config: c}
	for i, u := range c.URLs {
		r.senders = append(r.senders, delivery.Start(delivery.Config{
			Name: r.name(i) + " at " + delivery.Host(u), URL: u, Method: http.MethodPost, Head: head,
			OneShot: true, At: atOnce, Timeout: c.Timeout, Transport: c.Transport, Log: c.Log,
		}))
	}
	r.stop = c.Names.Watch(r.watch)
	return r
}

// name is what the log calls a server.
func (c Config) name(i int) string {
	label := cmp.Or(c.Label, "reports")
	if len(c.URLs) == 1 {
		return label
	}
	return fmt.Sprintf("%s.urls[%d]", label, i)
}

// Close ends the watch, and gives what is queued a moment to be sent.
func (r *Reports) Close() {
	r.stop()
	delivery.Stop(r.senders)
}

// head is that of the vendor's reports.
func head(h http.Header, _ []byte) {
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "WebAPI")
	h.Set("Content-Type", "application/json")
}

// watch is the watcher of notices: in order for each call, at once for different calls.
func (r *Reports) watch(n callstate.Notice) {
	if len(n.Parties) == 0 || n.Summary == nil {
		return
	}
	if n.Kind == callstate.NoticeForwarded {
		r.send("Forward", n)
		if r.ForwardOnly {
			return
		}
	}
	r.send("Tranfer", n)
}

// send queues a report for every server.
func (r *Reports) send(event string, n callstate.Notice) {
	call := r.Names.Call(n.Summary.ID)
	body := marshal(report{Event: event, CallID: call, Members: r.members(n.Parties), SN: r.SN})
	for _, s := range r.senders {
		s.Put(call, body)
	}
}
