package yeastar

import "slices"

// query is GET call/query (spec yeastar-p 4.2). The vendor's names of the filters are not known for sure, so every
// spelling that clients use is taken; several filters must all hold.
func (a *API) query(t *turn) *answer {
	list := []callInfo{}
	for _, v := range a.board.views() {
		if v.matches(t.params) {
			list = append(list, infoOf(v.id, v.members))
		}
	}
	got := success()
	got.Data = &list
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

// filters tell whether a call is wanted.
var filters = map[string]func(v *view, want string) bool{
	"call_id":   func(v *view, want string) bool { return v.id == want },
	"extension": (*view).has,
	"number":    (*view).has,
	"from":      func(v *view, want string) bool { return v.caller == want },
	// No call goes by an outside line yet: all are internal.
	"type": func(_ *view, want string) bool { return want == "internal" || want == "Internal" },
}

// has tells whether a number is in the call.
func (v *view) has(number string) bool {
	return slices.ContainsFunc(v.members, func(m member) bool { return m.number == number })
}
