package main

import (
	"fmt"
	"strings"
)

// lines are the outside lines of the switch under load, in the order in which outbound calls try them.
type lines []line

// line is a provider's port of loopback: calls from there are the provider's, calls to the outside go there.
type line struct {
	name string
	port int
	in   string // pattern of the numbers whose calls are let in; "": none
	out  string // pattern of the numbers that go out here and nowhere else; "": all outsiders, line after line
}

// outsiders are numbers of the outside that are called.
var outsiders = users{first: 700000, count: 50}

// outsiderPattern is what they look like.
const outsiderPattern = "^7[0-9]{5}$"

// right is what the extensions get, so that they may use the lines.
func (l lines) right() string {
	if len(l) == 0 {
		return ""
	}
	return ", outbound: true"
}

// config is the part of the config that describes the lines. A number that is let in is called as it is: an extension's
// is one, another goes out again by the lines that a call from outside does not come in by.
func (l lines) config() string {
	if len(l) == 0 {
		return ""
	}
	var trunks, in, out, names strings.Builder
	for _, t := range l {
		fmt.Fprintf(&trunks, "  - {name: %s, address: 127.0.0.1:%d, identify: [\"127.0.0.1:%[2]d\"], qualify: 0s}\n", t.name, t.port)
		if t.in != "" {
			fmt.Fprintf(&in, "    - {trunk: %s, pattern: %q, to: \"{number}\"}\n", t.name, t.in)
			continue
		}
		if t.out != "" {
			fmt.Fprintf(&out, "    - {pattern: %q, trunks: [%s]}\n", t.out, t.name)
			continue
		}
		if names.Len() > 0 {
			names.WriteString(", ")
		}
		names.WriteString(t.name)
	}
	text := "trunks:\n" + trunks.String() + "routes:\n"
	if in.Len() > 0 {
		text += "  inbound:\n" + in.String()
	}
	if names.Len() > 0 {
		fmt.Fprintf(&out, "    - {pattern: %q, trunks: [%s]}\n", outsiderPattern, names.String())
	}
	if out.Len() > 0 {
		text += "  outbound:\n" + out.String()
	}
	return text
}
