package main

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// field is one key that a mapping may have: either a section with fields of its own, or a value.
type field struct {
	name string
	sub  []field
	read func(n ast.Node, key string)
}

// fields reads a mapping. A section without content is one that was left out.
func (r *reader) fields(n ast.Node, key string, known []field) {
	var entries []*ast.MappingValueNode
	switch m := n.(type) {
	case nil, *ast.NullNode:
		return
	case *ast.MappingNode:
		entries = m.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{m}
	default:
		r.fault(placeOf(n.GetToken()), key, problem{describe(n), "write a mapping of " + strings.Join(names(known), ", ")})
		return
	}
	seen := map[string]place{}
	for _, entry := range entries {
		at := placeOf(entry.Key.GetToken())
		text, ok := entry.Key.(*ast.StringNode)
		if !ok {
			r.fault(at, key, problem{"has a key that " + describe(entry.Key), "write one of " + strings.Join(names(known), ", ")})
			continue
		}
		name := text.Value
		if first, twice := seen[name]; twice {
			r.fault(at, join(key, plain(name)), problem{fmt.Sprintf("is given twice, first on line %d", first.line), "keep one of them"})
			continue
		}
		seen[name] = at
		r.entry(entry.Value, at, key, name, known)
	}
}

// entry reads the value of one key.
func (r *reader) entry(n ast.Node, at place, key, name string, known []field) {
	full := join(key, plain(name))
	for _, f := range known {
		switch {
		case f.name != name:
			continue
		case f.sub != nil:
			r.at[full] = at
			r.fields(n, full, f.sub)
		default:
			if n != nil {
				at = placeOf(n.GetToken())
			}
			r.at[full] = at
			f.read(n, full)
		}
		return
	}
	r.fault(at, full, problem{"is not a known key", r.hint(name, key, known)})
}

// hint says which key was probably meant: one that is spelt almost so, or one that has its home elsewhere.
func (r *reader) hint(name, key string, known []field) string {
	if near := nearest(name, names(known)); near != "" {
		return "did you mean " + near + "?"
	}
	for _, home := range homes(r.frame(&Config{}), "", name) {
		if home != join(key, name) {
			return "did you mean " + home + "?"
		}
	}
	return "known here: " + strings.Join(names(known), ", ")
}

// homes lists where in the frame a key of this name stands.
func homes(frame []field, key, name string) (found []string) {
	for _, f := range frame {
		full := join(key, f.name)
		if f.name == name {
			found = append(found, full)
		}
		found = append(found, homes(f.sub, full, name)...)
	}
	return found
}

// names lists the keys of a mapping.
func names(known []field) []string {
	list := make([]string, len(known))
	for i, f := range known {
		list[i] = f.name
	}
	return list
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// plain returns a key as it stands when it looks like one, and quoted otherwise.
func plain(name string) string {
	const looks = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	if name == "" || len(name) > 40 || strings.Trim(name, looks) != "" {
		return shown(name)
	}
	return name
}

// list reads a sequence: example shows what a right one looks like, each reads one element.
func (r *reader) list(example string, each func(n ast.Node, key string)) func(ast.Node, string) {
	return func(n ast.Node, key string) {
		s, ok := n.(*ast.SequenceNode)
		if !ok {
			r.fault(r.where(key), key, problem{describe(n), "write a list, as in " + example})
			return
		}
		for i, element := range s.Values {
			k := fmt.Sprintf("%s[%d]", key, i)
			if element == nil {
				r.fault(r.where(key), k, problem{"is empty", "write a list, as in " + example})
				continue
			}
			r.at[k] = placeOf(element.GetToken())
			each(element, k)
		}
	}
}

// scalar returns the text of a plain value as it was written: 0123 stays 0123.
func (r *reader) scalar(n ast.Node, key string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		return v.GetToken().Value, true
	case *ast.BoolNode:
		r.fault(r.where(key), key, problem{describe(n), "write a plain value, in quotes if this one is meant"})
	case nil, *ast.NullNode:
		r.fault(r.where(key), key, problem{describe(n), "write a value or leave the key out"})
	case *ast.MappingNode, *ast.MappingValueNode:
		// Inside {} the parser takes the colon of an unquoted udp://... for a mapping.
		r.fault(r.where(key), key, problem{describe(n), "write a plain value, in quotes where it has a colon"})
	default:
		r.fault(r.where(key), key, problem{describe(n), "write a plain value"})
	}
	return "", false
}

// set reads one plain value through parse into dst.
func set[T any](r *reader, dst *T, parse func(string) (T, *problem)) func(ast.Node, string) {
	return func(n ast.Node, key string) {
		text, ok := r.scalar(n, key)
		if !ok {
			return
		}
		value, wrong := parse(text)
		if wrong != nil {
			r.fault(r.where(key), key, *wrong)
			return
		}
		*dst = value
	}
}

// where is the place of a key, or of the nearest thing round it that the file has.
func (r *reader) where(key string) place {
	for key != "" {
		if at, ok := r.at[key]; ok {
			return at
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return place{1, 1}
}

// has says whether the file gives the key.
func (r *reader) has(key string) bool {
	_, ok := r.at[key]
	return ok
}

// faulty says whether a fault was found at the key or inside it; what follows from it is not worth a second line.
func (r *reader) faulty(key string) bool {
	for _, f := range r.faults {
		if rest, inside := strings.CutPrefix(f.Key, key); inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
