package ozeki

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// The types of extensions that there are.
const (
	typePhone = "Phone"
	typeAPI   = "API extension"
)

var extensionType = param{name: "Type", optional: true, check: anything}

// extension is one as an answer shows it.
type extension struct{ number, kind, state string }

// listExtensions answers ListExtensions: phones and API extensions by number (spec ozeki 8.16). An API extension has no
// phone that could be away.
func (a *API) listExtensions(_ context.Context, o *order) *reply {
	var all []extension
	if a.phones != nil {
		for _, p := range a.phones() {
			state := "Disconnected"
			if p.Connected {
				state = "Connected"
			}
			all = append(all, extension{p.Number, typePhone, state})
		}
	}
	for _, e := range a.extensions {
		all = append(all, extension{e.Number, typeAPI, "Connected"})
	}
	if want := o.v[extensionType.name]; want != "" {
		all = slices.DeleteFunc(all, func(e extension) bool { return !strings.EqualFold(e.kind, want) })
	}
	slices.SortFunc(all, func(x, y extension) int { return byNumber(x.number, y.number) })

	b := []byte(" <Extensions>")
	for _, e := range all {
		b = append(b, " <ExtensionSummary>"...)
		b = appendField(b, "Id", e.number+"@localhost")
		b = appendField(b, "PhoneNumber", e.number)
		b = appendField(b, "Type", e.kind)
		b = appendField(b, "State", e.state)
		b = append(b, " </ExtensionSummary>"...)
	}
	if len(all) > 0 {
		b = append(b, ' ')
	}
	return listed(append(b, "</Extensions>"...))
}

// byNumber orders 99 before 100, and digits before anything else.
func byNumber(x, y string) int {
	if allDigits(x) && allDigits(y) {
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	}
	return cmp.Or(-compareBool(allDigits(x), allDigits(y)), cmp.Compare(x, y))
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// listExtensionTypes answers ListExtensionTypes: what the filter of ListExtensions takes (spec ozeki 8.17).
func (a *API) listExtensionTypes(context.Context, *order) *reply {
	b := []byte(" <ExtensionTypes>")
	for _, kind := range []string{typePhone, typeAPI} {
		b = appendField(b, "ExtensionType", kind)
	}
	return listed(append(b, " </ExtensionTypes>"...))
}
