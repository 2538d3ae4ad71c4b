package yeastar

import (
	"slices"
	"strings"
)

// The kinds of calls and of CDRs (spec yeastar-p 6.7).
const (
	kindInternal = "Internal"
	kindInbound  = "Inbound"
	kindOutbound = "Outbound"
)

// query is GET call/query (spec yeastar-p 4.2). The vendor's names of the filters are not known for sure, so every
// spelling that clients use is taken; several filters must all hold.
func (a *API) query(t *turn) *answer {
	got := success()
	got.listed = true
	if id := t.params.text("call_id"); id != "" {
		if v := a.board.view(id); v != nil && v.matches(t.params) {
			got.calls = []*view{v}
		}
		return got
	}
	got.calls = slices.DeleteFunc(a.board.views(), func(v *view) bool { return !v.matches(t.params) })
	return got
}

func (v *view) matches(p *params) bool {
	for name, holds := range filters {
		if want := p.text(name); want != "" && !holds(v, want) {
			return false
		}
	}
	return true
}

// filters tell whether a call is wanted; call_id has found it.
var filters = map[string]func(v *view, want string) bool{
	"extension": func(v *view, want string) bool {
		return v.any(func(m member) bool { return m.trunk == "" && m.number == want })
	},
	"number": func(v *view, want string) bool {
		return v.any(func(m member) bool { return m.number == want || m.trunk != "" && m.local == want })
	},
	"from": func(v *view, want string) bool { return v.caller == want },
	"type": func(v *view, want string) bool { return strings.EqualFold(v.kind(), want) },
}

func (v *view) any(is func(member) bool) bool { return slices.ContainsFunc(v.members, is) }

// kind is inbound for a call with somebody who came by a trunk, outbound for one with somebody who was called by one.
func (v *view) kind() string {
	switch {
	case v.any(func(m member) bool { return m.trunk != "" && m.inbound }):
		return kindInbound
	case v.any(func(m member) bool { return m.trunk != "" }):
		return kindOutbound
	}
	return kindInternal
}
