//go:build unix

package history

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTwoAtOnce: a file belongs to one at a time, and is free again after Close.
func TestTwoAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.db")
	first, err := Open(Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Open(Config{File: file}); err == nil || !strings.Contains(err.Error(), "another ringdown uses it") {
		t.Errorf("a second one: %v, %v", second, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(Config{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
