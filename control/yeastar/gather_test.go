package yeastar

import (
	"net"
	"testing"
	"time"
)

// writes is a connection that keeps what each write was.
type writes struct {
	net.Conn
	texts []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.texts = append(w.texts, string(p))
	return len(p), nil
}
func (w *writes) SetWriteDeadline(time.Time) error { return nil }

func TestGathered(t *testing.T) {
	under := &writes{}
	c := &gathered{Conn: under}
	c.Write([]byte("a"))
	c.hold()
	for _, text := range []string{"b", "c", "d"} {
		if n, err := c.Write([]byte(text)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(under.texts) != 1 {
		t.Fatalf("while it was held back, %q was written", under.texts[1:])
	}
	if err := c.release(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	c.Write([]byte("e"))
	if len(under.texts) != 3 || under.texts[1] != "bcd" || under.texts[2] != "e" {
		t.Errorf("written: %q", under.texts)
	}
}
