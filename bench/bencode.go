package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Bencode is what rtpengine's control protocol is written in: a string is "4:ping", a whole number "i42e", a list
// "l...e", and a dictionary "d...e" with keys, which are strings, and values in turn.
type (
	dict map[string]any // values: string, list, dict; when read also int64
	list []any
)

// encode writes a string, list or dict.
func encode(v any) []byte {
	var b bytes.Buffer
	switch v := v.(type) {
	case string:
		fmt.Fprintf(&b, "%d:%s", len(v), v)
	case list:
		b.WriteByte('l')
		for _, item := range v {
			b.Write(encode(item))
		}
		b.WriteByte('e')
	case dict:
		b.WriteByte('d')
		for _, key := range slices.Sorted(maps.Keys(v)) { // the form asks for sorted keys
			b.Write(encode(key))
			b.Write(encode(v[key]))
		}
		b.WriteByte('e')
	default:
		panic(fmt.Sprintf("bencode: a %T cannot be written", v))
	}
	return b.Bytes()
}

// decode reads text that is one dictionary and nothing behind it. rtpengine does not sort keys, so order is free.
func decode(text []byte) (dict, error) {
	r := bencoded{rest: text}
	v, err := r.value(maxNesting)
	if err == nil && len(r.rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(r.rest))
	}
	if err != nil {
		return nil, fmt.Errorf("bencode, byte %d of %d: %w", len(text)-len(r.rest), len(text), err)
	}
	if d, ok := v.(dict); ok {
		return d, nil
	}
	return nil, errors.New("bencode: not a dictionary")
}

// maxNesting bounds the stack; what rtpengine says of a call is seven deep.
const maxNesting = 20

// bencoded is text that is being read.
type bencoded struct{ rest []byte }

// value reads the next value, in which as many others may nest.
func (r *bencoded) value(nesting int) (any, error) {
	switch {
	case len(r.rest) == 0:
		return nil, errors.New("a value is missing")
	case nesting == 0:
		return nil, errors.New("nested too deep")
	}
	switch c := r.rest[0]; {
	case c >= '0' && c <= '9':
		return r.text()
	case c == 'i':
		r.rest = r.rest[1:]
		return r.number('e')
	case c == 'l':
		return r.list(nesting - 1)
	case c == 'd':
		return r.dict(nesting - 1)
	default:
		return nil, fmt.Errorf("no value begins with %q", c)
	}
}

// number reads digits and the byte that ends them.
func (r *bencoded) number(end byte) (int64, error) {
	digits, rest, ended := bytes.Cut(r.rest, []byte{end})
	if !ended {
		return 0, fmt.Errorf("a number without %q behind it", end)
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("not a number: %.20q", digits)
	}
	r.rest = rest
	return n, nil
}

func (r *bencoded) text() (string, error) {
	n, err := r.number(':')
	if err != nil {
		return "", err
	}
	if n < 0 || n > int64(len(r.rest)) {
		return "", fmt.Errorf("a string of %d bytes where %d are left", n, len(r.rest))
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s, nil
}

// ends takes the "e" of a list or dictionary, if it is next.
func (r *bencoded) ends() bool {
	end := len(r.rest) > 0 && r.rest[0] == 'e'
	if end {
		r.rest = r.rest[1:]
	}
	return end
}

func (r *bencoded) list(nesting int) (list, error) {
	l := list{}
	for r.rest = r.rest[1:]; !r.ends(); {
		v, err := r.value(nesting)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	return l, nil
}

func (r *bencoded) dict(nesting int) (dict, error) {
	d := dict{}
	for r.rest = r.rest[1:]; !r.ends(); {
		key, err := r.text()
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		if d[key], err = r.value(nesting); err != nil {
			return nil, err
		}
	}
	return d, nil
}
