package ozml

import (
	"maps"
	"regexp"
	"slices"
)

const (
	maxHeld  = 256 << 10 // bytes of all variables and arrays of a run together
	maxValue = MaxBytes  // bytes of an element's parameters after the replacement, as of a document before it
)

// Why an element of variables, or with one, is at fault.
const (
	badName = "must be a name of letters, digits and _"
	tooLong = "is too long with the values of its variables"
	tooMuch = "all variables together are too long"
)

// name is that of a variable or an array (spec ozeki 7.2).
var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// store holds the variables and arrays of a run, by lower-case name.
type store struct {
	vars   map[string]string
	arrays map[string][]string
	held   int
}

func newStore() store {
	return store{vars: map[string]string{}, arrays: map[string][]string{}}
}

// set sets a variable. False when all together would be too long.
func (s *store) set(name, value string) bool {
	name = lower(name)
	more := len(value)
	if old, there := s.vars[name]; there {
		more -= len(old)
	} else {
		more += len(name)
	}
	if s.held+more > maxHeld {
		return false
	}
	s.held += more
	s.vars[name] = value
	return true
}

func (s *store) forget(name string) {
	if old, there := s.vars[name]; there {
		s.held -= len(name) + len(old)
		delete(s.vars, name)
	}
}

// setItems sets an array. False when all together would be too long.
func (s *store) setItems(name string, items []string) bool {
	name = lower(name)
	more := len(name)
	for _, item := range items {
		more += len(item)
	}
	if old, there := s.arrays[name]; there {
		more -= len(name)
		for _, item := range old {
			more -= len(item)
		}
	}
	if s.held+more > maxHeld {
		return false
	}
	s.held += more
	s.arrays[name] = items
	return true
}

// params are those of el with the values of variables. It returns the name of the one that becomes too long, if any.
func (s *store) params(row *element, el *Element) (p map[string]string, long string) {
	p = row.params(el)
	total := 0
	for _, key := range slices.Sorted(maps.Keys(p)) {
		out, ok := s.replace(p[key], maxValue-total)
		if !ok {
			return nil, row.canonical(key)
		}
		total += len(out)
		p[key] = out
	}
	return p, ""
}

// replace puts the values of variables in the place of their names: once, so that a value is not looked through again
// (spec ozeki 7.2). A name is as long as its letters go on; one that is unknown stays as it is, and so does a dollar
// without a name. False when the result would be longer than most.
func (s *store) replace(text string, most int) (string, bool) {
	var out []byte
	for i := 0; i < len(text); {
		if text[i] != '$' {
			out = append(out, text[i])
			i++
			continue
		}
		end := i + 1
		for end < len(text) && inName(text[end], end == i+1) {
			end++
		}
		value, there := s.vars[lower(text[i+1:end])]
		switch {
		case there:
			out = append(out, value...)
		case end == i+1 && end < len(text) && text[end] == '$': // $$ is a dollar
			out = append(out, '$')
			end++
		default:
			out = append(out, text[i:end]...)
		}
		i = end
		if len(out) > most {
			return "", false
		}
	}
	return string(out), len(out) <= most
}

func inName(c byte, first bool) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		return true
	}
	return !first && '0' <= c && c <= '9'
}

// setVar is the element Var. A Value that is empty is a value.
func (r *run) setVar(p map[string]string) flow {
	if !name.MatchString(p["id"]) {
		return r.fault(invalid("ID", "Var", badName))
	}
	if !r.vars.set(p["id"], p["value"]) {
		return r.fault(invalid("Value", "Var", tooMuch))
	}
	return onward
}

// setArray is the element Array. Its items are as they are now: a variable that changes later does not change them.
func (r *run) setArray(el *Element, id string) flow {
	if !name.MatchString(id) {
		return r.fault(invalid("ID", "Array", badName))
	}
	var items []string
	for _, child := range el.Children {
		row := byName[lower(child.Name)]
		if row == nil || row.name != "Item" {
			r.strays([]*Element{child})
			continue
		}
		p, long := r.vars.params(row, child)
		if long != "" {
			return r.fault(invalid("Item", "Array", tooLong))
		}
		items = append(items, p["value"])
	}
	if !r.vars.setItems(id, items) {
		return r.fault(invalid("Item", "Array", tooMuch))
	}
	return onward
}

// forEach is the element ForEach. Its $item hides that of the loop around it, which comes back (spec ozeki 9.8).
func (r *run) forEach(el *Element, source string) flow {
	items, there := r.vars.arrays[lower(source)]
	if !there {
		return r.fault(invalid("Source", "ForEach", "there is no such array"))
	}
	outer, had := r.vars.vars["item"]
	defer func() {
		r.vars.forget("item")
		if had {
			r.vars.set("item", outer)
		}
	}()
	for _, item := range items {
		r.at = spot{"ForEach", el.Line}
		if r.stopped() || !r.step() {
			return over
		}
		if !r.vars.set("item", item) {
			r.fault(invalid("Source", "ForEach", tooMuch))
			return onward
		}
		if f := r.list(el.Children); f != onward {
			return f
		}
	}
	return onward
}
