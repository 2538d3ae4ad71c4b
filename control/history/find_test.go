package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFilters: each filter by itself and together, letters of either case, the free search (spec ozeki 8.15).
func TestFilters(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for i, edit := range []func(*Record){
		func(r *Record) {},
		func(r *Record) { r.Direction, r.State, r.CallerID = "Inbound", "Busy", "Zoë Ängström" },
		func(r *Record) { r.Destination, r.Dialed, r.Type = "51", "+36 51", "Video" },
		func(r *Record) { r.CallID, r.CallerID = "ID0", `100% 'quoted" a_b` },
	} {
		r := call(i)
		edit(&r)
		s.Add(r)
	}
	at := func(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }
	for _, row := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "ID0 id2 id1 id0"},
		{Filter{Oldest: true}, "id0 id1 id2 ID0"},
		{Filter{CallID: "id0"}, "id0"},
		{Filter{CallID: "ID0"}, "ID0"},
		{Filter{Direction: "INBOUND"}, "id1"},
		{Filter{State: "busy"}, "id1"},
		{Filter{State: "bus"}, ""},
		{Filter{Source: "1002"}, "id2"},
		{Filter{Destination: "50"}, "ID0 id1 id0"},
		{Filter{Dialed: "+36 51"}, "id2"},
		{Filter{Type: "video"}, "id2"},
		{Filter{CallerID: "alice"}, "id2 id0"},
		{Filter{CallerID: "zoë ÄNGSTRÖM"}, ""}, // Ä and ä are two letters here
		{Filter{CallerID: "ALICE", Source: "1000"}, "id0"},
		{Filter{CallerID: "ALICE", Source: "1001"}, ""},
		{Filter{CallerID: `100% 'quoted" A_B`}, "ID0"},
		{Filter{CallerID: "' OR 1=1 --"}, ""},
		{Filter{General: "zoë ÄNGS"}, "id1"},
		{Filter{General: "100%"}, "ID0"},
		{Filter{General: "a_b"}, "ID0"},
		{Filter{General: "a%b"}, ""},
		{Filter{General: "id0"}, "ID0 id0"},
		{Filter{General: "hungup", Direction: "internal"}, "ID0 id2 id0"},
		{Filter{From: at(2)}, "ID0 id2"},
		{Filter{From: at(2).Add(time.Microsecond)}, "ID0"},
		{Filter{From: at(4)}, ""},
		{Filter{From: at(1), Direction: "Inbound", Oldest: true}, "id1"},
	} {
		got, total := ids(t, s, row.f)
		if strings.Join(got, " ") != row.want || total != len(got) {
			t.Errorf("%+v: got %d %v, want %s", row.f, total, got, row.want)
		}
	}
}

// TestPages: the pages of either order are whole, also where several calls began at the same moment.
func TestPages(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	var want []string
	for i := range 45 {
		r := call(i / 3) // three at a time
		r.CallID = fmt.Sprint("c", i)
		s.Add(r)
		want = append(want, r.CallID)
	}
	for _, oldest := range []bool{true, false} {
		for _, rows := range []int{0, 1, 7, 44, 45, 1000} {
			var all []string
			for page := 0; ; page++ {
				got, total := ids(t, s, Filter{Oldest: oldest, Rows: rows, Page: page})
				if total != 45 {
					t.Fatalf("total %d", total)
				}
				if len(got) == 0 {
					break
				}
				if size := rows; size == 0 && len(got) > 20 || size > 0 && len(got) > size {
					t.Fatalf("%d rows on a page of %d", len(got), rows)
				}
				all = append(all, got...)
			}
			if !oldest {
				slices.Reverse(all)
			}
			if !slices.Equal(all, want) {
				t.Errorf("oldest %v, %d rows: %v", oldest, rows, all)
			}
		}
	}
	if got, total := ids(t, s, Filter{Page: 1 << 62, Rows: 1 << 62}); len(got) != 0 || total != 45 {
		t.Errorf("far page: %d %v", total, got)
	}
	for _, f := range []Filter{{Page: -1}, {Rows: -1}} {
		if _, _, err := s.Find(t.Context(), f); err == nil {
			t.Errorf("%+v: no error", f)
		}
	}
}

// TestFindEnds: a search ends with its context, and when the store is closed.
func TestFindEnds(t *testing.T) {
	t.Parallel()
	s := start(t, Config{File: t.TempDir() + "/calls.db"})
	s.Add(call(1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := s.Find(ctx, Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	stop(t, s)
	if _, _, err := s.Find(context.Background(), Filter{}); err == nil {
		t.Error("found something in a closed store")
	}
	s.Add(call(2)) // nothing happens
	stop(t, s)
}

// TestOnlyTheNewestInMemory: without a file, memory is bounded.
func TestOnlyTheNewestInMemory(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for i := range inMemory + 700 {
		s.Add(call(i))
		if i%5000 == 4999 {
			ids(t, s, Filter{}) // the queue does not run over
		}
	}
	got, total := ids(t, s, Filter{Oldest: true, Rows: 1})
	if total != inMemory || got[0] != "id700" {
		t.Errorf("%d, from %v", total, got)
	}
}
