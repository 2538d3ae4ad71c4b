package access

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

func TestFind(t *testing.T) {
	a := NewAccounts([]Account{{"admin", "abc123"}, {"app", "qwe123"}, {"other", "abc123"}})
	for _, row := range []struct{ name, secret, want string }{
		{"admin", "abc123", "admin"}, {"app", "qwe123", "app"}, {"other", "abc123", "other"},
		{"admin", "qwe123", ""}, {"Admin", "abc123", ""}, {"", "", ""}, {"app", "", ""}, {"x", "abc123", ""},
	} {
		if got, ok := a.Find(row.name, row.secret); got != row.want || ok != (row.want != "") {
			t.Errorf("%q, %q: got %q, %v", row.name, row.secret, got, ok)
		}
	}
	if _, ok := (Accounts{}).Find("", ""); ok {
		t.Error("nobody may use an API without accounts")
	}
}

// TestNumber has edge case A16: what would break out of a SIP URI, and blanks at the ends.
func TestNumber(t *testing.T) {
	for text, want := range map[string]bool{
		"2000": true, "+361-234.5": true, "*77": true, "#1": true, "carol": true, strings.Repeat("1", maxNumber): true,
		"": false, " 2000": false, "2000 ": false, "20;00": false, "2000@x": false, "20\r\n00": false, "a?b": false, "é": false,
		"<2>": false, "\"": false, strings.Repeat("1", maxNumber+1): false,
	} {
		if got := Number(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// TestGate: nobody is cut off, and nobody gets in afterwards.
func TestGate(t *testing.T) {
	var g Gate
	var inside sync.WaitGroup
	if !g.Enter() {
		t.Fatal("the gate is shut from the start")
	}
	out := false
	inside.Go(func() { out = true; g.Leave() })
	if !g.Shut() || g.Shut() {
		t.Error("exactly one Shut is the first")
	}
	g.Wait()
	if !out {
		t.Error("Wait did not wait")
	}
	if g.Enter() {
		t.Error("entered through a shut gate")
	}
	inside.Wait()
}

// TestRandomIsEven: bytes that would favour some characters are left out.
func TestRandomIsEven(t *testing.T) {
	draw := Random(bytes.NewReader([]byte{255, 248, 247, 0, 61, 62, 10, 36, 249, 1}), 6)
	if got := draw(); got != "z0z0Aa" {
		t.Errorf("got %s", got)
	}
}
