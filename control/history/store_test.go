package history

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// diary is a log that can be read while it is written.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

func (d *diary) logger() *slog.Logger { return slog.New(slog.NewTextHandler(d, nil)) }

var epoch = time.Date(2013, 8, 13, 8, 0, 0, 0, time.UTC)

// call is a record that began n seconds after the epoch.
func call(n int) Record {
	return Record{CallID: fmt.Sprintf("id%d", n), Start: epoch.Add(time.Duration(n) * time.Second), Direction: "Internal",
		Source: fmt.Sprint(1000 + n), Destination: "50", State: "CalleeHungUp", Dialed: "50", CallerID: "Alice", Type: "Audio",
		Ring: 1500 * time.Millisecond, Talk: time.Minute}
}

// start opens a store that waits briefly only.
func start(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := open(c, 50*time.Millisecond, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func stop(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// ids are the CallIDs that f finds.
func ids(t testing.TB, s *Store, f Filter) (list []string, total int) {
	t.Helper()
	if err := s.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, total, err := s.Find(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page {
		list = append(list, r.CallID)
	}
	return list, total
}

// expect fails unless exactly want is in the history, in the order of its start.
func expect(t testing.TB, s *Store, want ...string) {
	t.Helper()
	got, total := ids(t, s, Filter{Oldest: true, Rows: 100_000})
	if !slices.Equal(got, want) || total != len(want) {
		t.Errorf("got  %d %.200s\nwant %d %.200s", total, fmt.Sprint(got), len(want), fmt.Sprint(want))
	}
}

// TestRoundTrip: a record comes back as it was, also after a restart, in a folder whose name has signs of a URL.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", filepath.Join(t.TempDir(), "calls.db"), filepath.Join(t.TempDir(), "a?b#c%20 d&e=ä.db")} {
		t.Run(file, func(t *testing.T) {
			s := start(t, Config{File: file})
			want := call(1)
			want.CallerID = "Zoë \"x\"' 😀"
			s.Add(want)
			for range 2 {
				page, total, err := s.Find(context.Background(), Filter{})
				if err != nil || total != 1 || len(page) != 1 || !page[0].Start.Equal(want.Start) {
					t.Fatalf("got %v of %d, %v", page, total, err)
				}
				if page[0].Start = want.Start; page[0] != want {
					t.Errorf("got  %+v\nwant %+v", page[0], want)
				}
				if file == "" {
					break
				}
				stop(t, s)
				s = start(t, Config{File: file})
			}
		})
	}
}
