package ozeki

import (
	"slices"
	"strings"
	"testing"

	"ringdown/control/ozml"
)

// TestElements: what control/ozml/elements.md tells of a command is what its row here takes, and every command that a
// script may name has a row, Reject alone excepted, which is an answer to IncomingCall.
func TestElements(t *testing.T) {
	told := ozml.Commands()
	for i := range commands {
		c := &commands[i]
		if c.in == urls {
			continue
		}
		if !slices.Contains(told, c.name) {
			t.Errorf("%s is no element", c.name)
			continue
		}
		var takes []string
		for _, p := range c.params {
			takes = append(takes, p.name)
		}
		names := ozml.Attributes(c.name)
		if c.name == "Route" { // it is always about the call that asks
			names = append(names, callID.name)
		}
		slices.Sort(names)
		slices.Sort(takes)
		if !slices.Equal(names, takes) {
			t.Errorf("%s takes %s, elements.md tells %s", c.name, strings.Join(takes, " "), strings.Join(names, " "))
		}
	}
	for _, name := range told {
		if row := byName[strings.ToLower(name)]; name != "Reject" && (row == nil || row.in == urls) {
			t.Errorf("no row carries %s out", name)
		}
	}
}
