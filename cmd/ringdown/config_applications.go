package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"ringdown/control/delivery"
)

// Notify says where the Ozeki API tells applications what happens. An empty URL: nowhere.
type Notify struct {
	CallChanged string
	Routing     string
	Error       string
	Timeout     time.Duration // how long an application may take to answer
}

// APIExtension is a number behind which there is an application instead of a phone.
type APIExtension struct {
	Number   string
	Name     string // shown to the other party; the number when the config gives none
	URL      string // told of each call; it answers with a script
	Outbound bool   // its application may call outside numbers
	Forward  Forward

	Key string // the entry that it stands in, for faults
}

// History says where it is kept what became of calls.
type History struct {
	File string        // an SQLite database; empty: in memory only
	Keep time.Duration // 0: for ever
}

// defaultSpeak is the documented command that turns text into speech.
var defaultSpeak = []string{"espeak-ng", "--stdout", "-v", "{language}", "{text}"}

func (r *reader) notify(n *Notify) []field {
	return []field{
		{name: "call_changed", read: set(r, &n.CallChanged, parseApplication)},
		{name: "routing", read: set(r, &n.Routing, parseApplication)},
		{name: "error", read: set(r, &n.Error, parseApplication)},
		{name: "timeout", read: set(r, &n.Timeout, parsePatience)},
	}
}

func (r *reader) speak(o *Ozeki) func(ast.Node, string) {
	return func(n ast.Node, key string) {
		o.Speak = nil
		r.list(`[espeak-ng, --stdout, "{text}"]`, func(n ast.Node, key string) {
			if text, ok := r.scalar(n, key); ok {
				o.Speak = append(o.Speak, text)
			}
		})(n, key)
		switch {
		case r.faulty(key):
		case len(o.Speak) == 0: // no speech
		case o.Speak[0] == "" || strings.Contains(o.Speak[0], "{"):
			r.fault(r.where(key), key, problem{"names no program", `write a command that writes WAV to its output, as in [espeak-ng, --stdout, "{text}"]`})
		case !strings.Contains(strings.Join(o.Speak[1:], "\x00"), "{text}"):
			r.fault(r.where(key), key, problem{"does not say where the text goes", `write {text} in its place, as in [espeak-ng, --stdout, "{text}"]`})
		}
	}
}

func (r *reader) hosts(o *Ozeki) func(ast.Node, string) {
	return r.list("[app.example.com, 192.0.2.7]", func(n ast.Node, key string) {
		var host string
		if set(r, &host, parseHost)(n, key); host != "" {
			o.Hosts = append(o.Hosts, host)
		}
	})
}

// apiExtensions reads the list; whether its numbers are free is found by Config.Validate.
func (r *reader) apiExtensions(c *Config) func(ast.Node, string) {
	return r.list(`[{number: "9990", url: "http://127.0.0.1:8100/ozml"}]`, func(n ast.Node, key string) {
		e := APIExtension{Key: key}
		r.fields(n, key, []field{
			{name: "number", read: set(r, &e.Number, parseNumber)},
			{name: "name", read: set(r, &e.Name, parseName)},
			{name: "url", read: set(r, &e.URL, parseApplication)},
			{name: "outbound", read: r.flag(&e.Outbound)},
			{name: "forward", sub: []field{
				{name: "always", read: set(r, &e.Forward.Always, parseForward)},
				{name: "busy", read: set(r, &e.Forward.Busy, parseForward)},
				{name: "no_answer", read: set(r, &e.Forward.NoAnswer, parseForward)},
			}},
		})
		r.require(key, "number", "give the extension a number")
		e.Name = cmp.Or(e.Name, e.Number)
		c.APIExtensions = append(c.APIExtensions, e)
	})
}

// missingApplications notes the faults of what the file does not say but must: without the API nobody could speak for
// an API extension.
func (r *reader) missingApplications(c *Config) {
	if len(c.APIExtensions) > 0 && !c.Ozeki.Listen.IsValid() && !r.faulty("ozeki") {
		r.fault(r.where("api_extensions"), "api_extensions", problem{"needs the Ozeki API", "add ozeki.listen and ozeki.users"})
	}
}

// applicationFaults finds numbers that are given twice.
func (c *Config) applicationFaults(note func(key string, p *problem)) {
	seen := map[string]bool{}
	for _, e := range c.Extensions {
		seen[e.Number] = true
	}
	for _, e := range c.APIExtensions {
		if e.Number != "" && seen[e.Number] {
			note(join(e.Key, "number"), &problem{e.Number + " is already an extension", "define each number once"})
		}
		seen[e.Number] = true
	}
}

// parseApplication reads the URL of an application, or "" for none.
func parseApplication(s string) (string, *problem) {
	if s == "" {
		return "", nil
	}
	if err := delivery.CheckURL(s); err != nil {
		return "", &problem{err.Error(), "write a URL, as in http://127.0.0.1:8100/ozml"}
	}
	return s, nil
}

// parsePatience reads how long a call may wait for an application: its caller hears it ring meanwhile.
func parsePatience(s string) (time.Duration, *problem) {
	d, wrong := parsePositiveDuration(s)
	if wrong == nil && (d < 100*time.Millisecond || d > time.Minute) {
		return 0, &problem{s + " is not between 100ms and 1m", "write how long an application may take to answer, as in 5s"}
	}
	return d, wrong
}

// parseHost reads a host that a script may name in a URL, or * for any.
func parseHost(s string) (string, *problem) {
	if s == "*" {
		return s, nil
	}
	u, err := url.Parse("http://" + s + "/")
	if err != nil || u.Host != s || u.Hostname() == "" || strings.ContainsAny(s, "@ *") || !isPort(u.Port()) {
		return "", &problem{shown(s) + " is not a host", `write a name or an address, with a port if that counts, as in app.example.com, or "*" for any`}
	}
	return strings.ToLower(s), nil
}

// isPort tells whether text is a port, or none.
func isPort(text string) bool {
	_, err := strconv.ParseUint(cmp.Or(text, "1"), 10, 16)
	return err == nil
}

// parsePublic reads the address at which applications reach the API, or "" for that of its listener.
func parsePublic(s string) (string, *problem) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "", nil
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "", u.User != nil:
		return "", &problem{shown(s) + " is not the address of a server", "write it as in https://pbx.example.com"}
	}
	return strings.TrimSuffix(s, "/"), nil
}

// parseFolder reads the name of the media folder, or "" for none.
func parseFolder(s string) (string, *problem) {
	if s == "" {
		return "", nil
	}
	switch f, err := os.Stat(s); {
	case err != nil && !os.IsNotExist(err):
		return "", &problem{"cannot be used: " + err.Error(), "name a folder"}
	case err == nil && !f.IsDir():
		return "", &problem{shown(s) + " is a file", "name a folder"}
	}
	return s, nil
}

// parseKeep reads how long history is kept; 0: for ever.
func parseKeep(s string) (time.Duration, *problem) {
	d, wrong := parseDuration(s)
	if wrong == nil && d != 0 && d < time.Hour {
		return 0, &problem{s + " is less than an hour", "write a duration, as in 2160h for 90 days, or 0 to keep all"}
	}
	return d, wrong
}

// applicationRows tells what applications have to do with calls, without what may be secret in a URL.
func applicationRows(row func(name, value string), c *Config) {
	if c.Ozeki.Listen.IsValid() {
		n := &c.Ozeki.Notify
		for _, to := range []struct{ what, url string }{
			{"CallChanged", n.CallChanged}, {"RoutingInterception", n.Routing}, {"Error", n.Error},
		} {
			if to.url != "" {
				row("notify", to.what+" to "+delivery.Host(to.url)+", which may take "+n.Timeout.String())
			}
		}
		if len(c.Ozeki.Hosts) > 0 {
			row("hosts", strings.Join(c.Ozeki.Hosts, ", "))
		}
		row("speech", cmp.Or(strings.Join(c.Ozeki.Speak, " "), "off"))
	}
	for _, e := range c.APIExtensions {
		text := "no application is told"
		if e.URL != "" {
			text = http.MethodPost + " " + delivery.Host(e.URL)
		}
		row("api extension", e.Number+", "+text)
	}
	keep := "for ever"
	if c.History.Keep > 0 {
		keep = "for " + c.History.Keep.String()
	}
	if c.History.File == "" {
		row("history", "in memory, until the stop")
		return
	}
	row("history", fmt.Sprintf("%s, %s", c.History.File, keep))
}

// parseDatabase reads the name of a file that need not be there yet, or "" for none.
func parseDatabase(s string) (string, *problem) {
	const right = "name a file, which is made when it is not there"
	if s == "" {
		return "", nil
	}
	if f, err := os.Stat(filepath.Dir(s)); err != nil || !f.IsDir() {
		return "", &problem{shown(filepath.Dir(s)) + " is no folder", right}
	}
	if f, err := os.Stat(s); err == nil && f.IsDir() {
		return "", &problem{shown(s) + " is a folder", right}
	}
	return s, nil
}
