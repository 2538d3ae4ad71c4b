package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"ringdown/control/delivery"
	"ringdown/control/yeastar"
)

// Yeastar is the HTTP API in the dialect of Yeastar's P-Series. It is off when Listen is zero.
type Yeastar struct {
	Listen           netip.AddrPort
	Applications     []Application
	SN               string // the serial number in events
	RequireUserAgent bool
	Tokens           Tokens
	Block            Block
	Webhooks         []Webhook
}

// Application may get tokens for the API.
type Application struct {
	ClientID     string
	ClientSecret Secret
}

// Tokens are the lives of what an application is given.
type Tokens struct{ Access, Refresh time.Duration }

// Block says when an address is shut out for wrong credentials.
type Block struct {
	Failures int
	Time     time.Duration
	Loopback bool // also an address of loopback
}

// Webhook is where events are sent.
type Webhook struct {
	URL    string
	Secret Secret
	Method string
	Events []int // none: all
}

// yeastar is the section's keys.
func (r *reader) yeastar(y *Yeastar) []field {
	return []field{
		{name: "listen", read: set(r, &y.Listen, parseAddrPort)},
		{name: "applications", read: r.applications(y)},
		{name: "sn", read: set(r, &y.SN, parseSerial)},
		{name: "require_user_agent", read: r.flag(&y.RequireUserAgent)},
		{name: "tokens", sub: []field{
			{name: "access", read: set(r, &y.Tokens.Access, parseLife)},
			{name: "refresh", read: set(r, &y.Tokens.Refresh, parseLife)},
		}},
		{name: "block", sub: []field{
			{name: "failures", read: set(r, &y.Block.Failures, parseFailures)},
			{name: "time", read: set(r, &y.Block.Time, parsePositiveDuration)},
			{name: "loopback", read: r.flag(&y.Block.Loopback)},
		}},
		{name: "webhooks", read: r.webhooks(y)},
	}
}

func (r *reader) applications(y *Yeastar) func(ast.Node, string) {
	seen := map[string]int{}
	return r.list("[{client_id: app, client_secret: secret}]", func(n ast.Node, key string) {
		var a Application
		r.fields(n, key, []field{
			{name: "client_id", read: set(r, &a.ClientID, parseName)},
			{name: "client_secret", read: set(r, &a.ClientSecret, parseSecret)},
		})
		if r.require(key, "client_id", "name the application") {
			if first, twice := seen[a.ClientID]; twice {
				k := join(key, "client_id")
				r.fault(r.where(k), k, problem{fmt.Sprintf("%s is already an application on line %d", shown(a.ClientID), first),
					"give each application one entry"})
			}
			seen[a.ClientID] = r.where(key).line
		}
		r.require(key, "client_secret", "give the application a secret")
		y.Applications = append(y.Applications, a)
	})
}

func (r *reader) webhooks(y *Yeastar) func(ast.Node, string) {
	read := r.list(`[{url: "http://127.0.0.1:8300/", secret: secret}]`, func(n ast.Node, key string) {
		w := Webhook{Method: http.MethodPost}
		r.fields(n, key, []field{
			{name: "url", read: set(r, &w.URL, parseReceiver)},
			{name: "secret", read: set(r, &w.Secret, parseSecret)},
			{name: "method", read: set(r, &w.Method, oneOf(http.MethodPost, http.MethodGet))},
			{name: "events", read: r.events(&w)},
		})
		r.require(key, "url", "name the place that takes the events")
		r.require(key, "secret", "give the webhook a secret, which signs what is sent")
		y.Webhooks = append(y.Webhooks, w)
	})
	return func(n ast.Node, key string) {
		if read(n, key); len(y.Webhooks) > yeastar.MaxWebhooks {
			r.fault(r.where(key), key, problem{fmt.Sprintf("names %d webhooks", len(y.Webhooks)),
				fmt.Sprintf("keep at most %d", yeastar.MaxWebhooks)})
		}
	}
}

func (r *reader) events(w *Webhook) func(ast.Node, string) {
	return r.list("[30011, 30012]", func(n ast.Node, key string) {
		event := 0
		if set(r, &event, parseEvent)(n, key); event != 0 {
			w.Events = append(w.Events, event)
		}
	})
}

// flag reads true or false.
func (r *reader) flag(dst *bool) func(ast.Node, string) {
	return func(n ast.Node, key string) {
		if b, ok := n.(*ast.BoolNode); ok {
			*dst = b.Value
			return
		}
		r.fault(r.where(key), key, problem{describe(n), "write true or false"})
	}
}

// missingYeastar notes the faults of what the section does not say but must.
func (r *reader) missingYeastar(y *Yeastar) {
	if !r.has("yeastar") || r.wrongKind("yeastar") {
		return
	}
	if !r.has("yeastar.listen") {
		r.fault(r.where("yeastar"), "yeastar.listen", problem{"is missing", "write an address and port, as in 127.0.0.1:8088"})
	}
	if len(y.Applications) == 0 && !r.faulty("yeastar.applications") {
		r.fault(r.where("yeastar.applications"), "yeastar.applications", problem{"names no application", "list at least one, or leave yeastar out"})
	}
}

// unfit says that a refresh token would be of no use.
func (t Tokens) unfit() *problem {
	if t.Refresh >= t.Access {
		return nil
	}
	return &problem{fmt.Sprintf("%s is shorter than the life of an access token, %s", t.Refresh, t.Access),
		"let refresh tokens live longer"}
}

// parseSerial reads what events carry as sn.
func parseSerial(s string) (string, *problem) {
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, func(c rune) bool { return c > 0x7e || !isAlphanumeric(byte(c)) && c != '-' }) {
		return "", &problem{shown(s) + " is not a serial number", "write 1 to 64 letters, digits or -"}
	}
	return s, nil
}

// parseLife reads how long a token is good for, in whole seconds as clients are told.
func parseLife(s string) (time.Duration, *problem) {
	d, wrong := parsePositiveDuration(s)
	switch {
	case wrong != nil:
		return 0, wrong
	case d < time.Second || d%time.Second != 0:
		return 0, &problem{s + " is not a number of whole seconds", "write a duration with its unit, as in 30m"}
	}
	return d, nil
}

func parseFailures(s string) (int, *problem) {
	n, wrong := count(1000)(s)
	if wrong != nil || n == 0 {
		return 0, &problem{shown(s) + " is not a count of failures", "write a whole number from 1 to 1000"}
	}
	return n, nil
}

// parseReceiver reads the URL of who takes events or reports. What is wrong with it is told without it: it may hold a
// secret.
func parseReceiver(s string) (string, *problem) {
	if err := delivery.CheckURL(s); err != nil {
		return "", &problem{err.Error(), "write a URL, as in http://127.0.0.1:8300/"}
	}
	return s, nil
}

func parseEvent(s string) (int, *problem) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 30000 || n > 30099 {
		return 0, &problem{shown(s) + " is not an event", "write its number, as in 30011, or leave events out for all"}
	}
	return n, nil
}

// yeastarRows tells what the section means, without its secrets.
func yeastarRows(row func(name, value string), y *Yeastar) {
	if !y.Listen.IsValid() {
		row("yeastar", "off")
		return
	}
	row("yeastar", "http://"+y.Listen.String()+"/openapi/v1.0, sn "+y.SN)
	ids := make([]string, len(y.Applications))
	for i, a := range y.Applications {
		ids[i] = a.ClientID
	}
	row("clients", strings.Join(ids, ", "))
	loopback := ""
	if y.Block.Loopback {
		loopback = ", loopback too"
	}
	row("tokens", fmt.Sprintf("access %s, refresh %s", y.Tokens.Access, y.Tokens.Refresh))
	row("block", fmt.Sprintf("after %d failures for %s%s", y.Block.Failures, y.Block.Time, loopback))
	if y.RequireUserAgent {
		row("user agent", "required")
	}
	for _, w := range y.Webhooks {
		row("webhook", w.meaning())
	}
}

// meaning is a webhook without what may be secret in its URL.
func (w Webhook) meaning() string {
	events := "all events"
	if len(w.Events) > 0 {
		events = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(w.Events)), ", "), "[]")
	}
	u, err := url.Parse(w.URL)
	if err != nil {
		return events
	}
	return w.Method + " " + u.Scheme + "://" + u.Host + ", " + events
}
