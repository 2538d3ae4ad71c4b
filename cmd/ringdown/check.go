package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"ringdown/media"
)

// checkCommand is "ringdown check".
type checkCommand struct {
	File   string `arg:"" optional:"" help:"The config; without it, the demo's." placeholder:"FILE"`
	Config string `help:"The same as FILE." placeholder:"FILE"`
}

// Validate lets the command line name one file, not two.
func (c *checkCommand) Validate() error { return oneFile(c.File, c.Config) }

// Run carries the command out. Faults are its result, so they go to stdout.
func (c *checkCommand) Run(s *streams) error {
	file := c.File + c.Config
	cfg, err := configOrDemo(file)
	if err != nil {
		return reportFaults(s.stdout, err)
	}
	if file == "" {
		file = "none: the demo, on loopback"
	}
	if err := printMeaning(s.stdout, file, cfg); err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.stdout, "ok")
	return err
}

// printMeaning writes a short table of what a config means, without its secrets.
func printMeaning(w io.Writer, file string, c *Config) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(t, "%s\t%s\n", name, value) }
	row("config", file)
	row("domain", c.SIP.Domain)
	row("digest", strings.Join(c.SIP.Digest, ", "))
	for _, l := range c.SIP.Listen {
		row("sip", l.String())
	}
	if c.SIP.Advertise.IsValid() {
		row("advertise", c.SIP.Advertise.String())
	}
	at := "the SIP listener's address"
	if c.Media.Listen.IsValid() {
		at = c.Media.Listen.String()
	}
	pairs := (int(c.Media.PortMax) - int(c.Media.PortMin) + 1) / 2
	row("media", fmt.Sprintf("%s, ports %d-%d for %d legs, drain %s from %d legs on, music %s, folder %s", at,
		c.Media.PortMin, c.Media.PortMax, pairs, media.DrainTime, media.DrainFrom,
		cmp.Or(c.Media.Music, "built in"), cmp.Or(c.Media.Folder, "none: nothing is played or recorded")))
	row("calls", fmt.Sprintf("limit %s, silence %s, hops %d", limit(c.Calls.Max), limit(c.Calls.Silence), c.Calls.Hops))
	row("ringing", limit(c.RingTimeout))
	row("transfer", fmt.Sprintf("no answer %s, then %s; retries %d, delay %s",
		limit(c.Transfer.NoAnswer), c.Transfer.OnFail, c.Transfer.Retries, c.Transfer.Delay))
	row("features", c.Features.meaning())
	row("extensions", extensionsLine(c.Extensions))
	if line := wishesLine(c.Extensions); line != "" {
		row("of these", line)
	}
	trunkRows(row, c)
	for _, e := range c.Reports {
		row("reports", e.meaning())
	}
	ozekiRows(row, &c.Ozeki)
	applicationRows(row, c)
	yeastarRows(row, &c.Yeastar)
	return t.Flush()
}

// ozekiRows tells where the Ozeki API is and who may use it.
func ozekiRows(row func(name, value string), o *Ozeki) {
	if !o.Listen.IsValid() {
		row("ozeki", "off")
		return
	}
	row("ozeki", "http://"+o.Listen.String())
	users := make([]string, len(o.Users))
	for i, u := range o.Users {
		users[i] = u.Username
	}
	row("users", strings.Join(users, ", "))
}

// wishesLine counts what extensions may do and want done; empty when none does.
func wishesLine(list []Extension) string {
	counts, groups := map[string]int{}, map[string]int{}
	for _, e := range list {
		for what, is := range map[string]bool{"may call outside": e.Outbound, "shown whom they talk to": e.ConnectedLine,
			"send calls on": e.Forward != Forward{}} {
			if is {
				counts[what]++
			}
		}
		if e.Pickup != "" {
			groups[e.Pickup]++
		}
	}
	var parts []string
	for _, what := range []string{"may call outside", "shown whom they talk to", "send calls on"} {
		if n := counts[what]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if len(parts) == 8 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%d in pickup group %s", groups[name], shown(name)))
	}
	return strings.Join(parts, ", ")
}

// limit writes a duration that 0 switches off.
func limit(d time.Duration) string {
	if d == 0 {
		return "off"
	}
	return d.String()
}

// extensionsLine counts the extensions and names the first and the last one.
func extensionsLine(list []Extension) string {
	switch len(list) {
	case 0:
		return "none: no phone can register"
	case 1:
		return "1: " + list[0].Number
	default:
		return fmt.Sprintf("%d: %s to %s", len(list), list[0].Number, list[len(list)-1].Number)
	}
}
