package main

import (
	"reflect"
	"strings"
	"testing"
)

func TestBencode(t *testing.T) {
	d := dict{"sdp": "v=0\r\n", "empty": "", "rtcp-mux": list{"demux", "accept"}, "tags": dict{"a": dict{}}}
	const text = "d5:empty0:8:rtcp-muxl5:demux6:accepte3:sdp5:v=0\r\n4:tagsd1:adeee"
	if got := string(encode(d)); got != text {
		t.Errorf("expected %q, got %q", text, got)
	}
	got, err := decode([]byte(text))
	must(t, err)
	if !reflect.DeepEqual(got, d) {
		t.Errorf("expected %v, got %v", d, got)
	}
	// As rtpengine answers: keys in any order, numbers among them.
	got, err = decode([]byte("d6:result2:ok7:createdi-12e5:callslee"))
	must(t, err)
	if want := (dict{"result": "ok", "created": int64(-12), "calls": list{}}); !reflect.DeepEqual(got, want) {
		t.Errorf("expected %v, got %v", want, got)
	}
}

// What is no dictionary says so, and where.
func TestBencodeBroken(t *testing.T) {
	for _, row := range []struct{ text, says string }{
		{"", "a value is missing"},
		{"d", "key: a number without ':'"},
		{"d1:a", "byte 4 of 4: a value is missing"},
		{"d1:ae", "no value begins with 'e'"},
		{"d1:a1:b", "key: a number without ':'"},
		{"d1:a1:bex", "byte 8 of 9: 1 bytes too many"},
		{"d2:a", "a string of 2 bytes where 1 are left"},
		{"d-1:ae", "a string of -1 bytes"},
		{"d99999999999999999999:ae", "not a number"},
		{"di1e1:ae", "key: not a number"},
		{"d1:ai12", "a number without 'e'"},
		{"d1:aixee", `not a number: "x"`},
		{"d1:al", "a value is missing"},
		{"le", "not a dictionary"},
		{"4:ping", "not a dictionary"},
		{"pong", "no value begins with 'p'"},
		{strings.Repeat("l", 1<<16), "nested too deep"},
		{strings.Repeat("d1:a", 1<<14), "nested too deep"},
	} {
		d, err := decode([]byte(row.text))
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.30q: expected %q, got %v, %v", row.text, row.says, d, err)
		}
	}
}

// Any text is read or refused, and what was read is read again from what is written of it.
func FuzzBencode(f *testing.F) {
	f.Add([]byte("d6:result2:ok3:sdp5:v=0\r\n5:callsl1:xdeee"))
	f.Add([]byte("d7:createdi-12ee"))
	f.Add([]byte("d1:ad1:bl1:ci1eee"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := decode(text)
		if err != nil || numbers(d) {
			return
		}
		again, err := decode(encode(d))
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("%q: read as %v, then as %v, %v", text, d, again, err)
		}
	})
}

// numbers says whether there is a number in v: they are only read.
func numbers(v any) bool {
	switch v := v.(type) {
	case int64:
		return true
	case list:
		for _, item := range v {
			if numbers(item) {
				return true
			}
		}
	case dict:
		for _, item := range v {
			if numbers(item) {
				return true
			}
		}
	}
	return false
}
