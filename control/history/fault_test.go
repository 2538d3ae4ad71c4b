package history

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// many are enough records to tell whether some are lost.
var many = 20_000

// eventually waits for what the writer will do.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.After(time.Minute)
	for tick := time.NewTicker(5 * time.Millisecond); !is(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// numbered are the CallIds of the calls from, from+1, ... to-1.
func numbered(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, call(i).CallID)
	}
	return list
}

func addAll(s *Store, from, to int) {
	for i := from; i < to; i++ {
		s.Add(call(i))
	}
}

// lock is another program that has begun to write and does not end.
func lock(t testing.TB, file string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { tx.Rollback(); db.Close() })
}

// spilled is how many lines the spill file has.
func spilled(file string) int {
	b, _ := os.ReadFile(file + ".spill")
	return bytes.Count(b, []byte("\n"))
}

// TestNothingIsLost: the records of many calls at once are all there after a stop and a start, each once.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	const from = 20
	each := many / from
	file := filepath.Join(t.TempDir(), "calls.db")
	s := start(t, Config{File: file})
	var all sync.WaitGroup
	for g := range from {
		all.Go(func() {
			for i := range each {
				s.Add(call(g*each + i))
				if i%100 == 99 {
					if _, _, err := s.Find(t.Context(), Filter{Rows: 1}); err != nil { // no faster than the disk
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	stop(t, s)
	s = start(t, Config{File: file})
	expect(t, s, numbered(0, each*from)...)
	if spilled(file) > 0 {
		t.Error("something was spilled")
	}
}

// TestLocked: while another program holds the database records are spilled, in order, and no caller waits; then they come
// into the database, each once, before those that follow (edge case O12).
func TestLocked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	var log diary
	s := start(t, Config{File: file, Log: log.logger()})
	addAll(s, 0, 3)
	expect(t, s, numbered(0, 3)...)
	release := lock(t, file)
	defer release()
	addAll(s, 3, 1300)
	eventually(t, "all are spilled", func() bool { return spilled(file) == 1297 })
	expect(t, s, numbered(0, 3)...) // it can still be read
	if n := strings.Count(log.String(), "cannot be written"); n != 1 {
		t.Errorf("told %d times:\n%s", n, &log)
	}
	release()
	eventually(t, "the spill is taken in", func() bool { _, err := os.Stat(file + ".spill"); return err != nil })
	addAll(s, 1300, 1310)
	expect(t, s, numbered(0, 1310)...)
	if !strings.Contains(log.String(), "spilled=1297") {
		t.Error(&log)
	}
}

// TestStopWhileLocked: what the database refuses at the stop is in the spill file, and after the next start in the
// database, once, also when that start is the second one.
func TestStopWhileLocked(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	s := start(t, Config{File: file})
	addAll(s, 0, 2)
	expect(t, s, numbered(0, 2)...)
	release := lock(t, file)
	defer release()
	addAll(s, 2, 700)
	stop(t, s)
	if n := spilled(file); n != 698 {
		t.Fatalf("%d spilled", n)
	}
	before, err := os.ReadFile(file + ".spill")
	if err != nil {
		t.Fatal(err)
	}
	s = start(t, Config{File: file}) // still locked
	addAll(s, 700, 705)
	stop(t, s)
	release()
	s = start(t, Config{File: file})
	expect(t, s, numbered(0, 705)...)
	stop(t, s)
	// A process that was killed after the commit and before it removed the file.
	if err := os.WriteFile(file+".spill", before, 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, Config{File: file})
	expect(t, s, numbered(0, 705)...)
}

// TestFull: a full disk is one that refuses; when there is room again nothing is missing (edge case O12).
func TestFull(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	s := start(t, Config{File: file})
	addAll(s, 0, 10)
	expect(t, s, numbered(0, 10)...)
	pages := func(n int) {
		t.Helper()
		if _, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	pages(1) // no more than it has
	addAll(s, 10, 2000)
	eventually(t, "the rest is spilled", func() bool { return spilled(file) > 1500 })
	pages(1 << 30)
	eventually(t, "the spill is taken in", func() bool { return spilled(file) == 0 })
	expect(t, s, numbered(0, 2000)...)
}

// TestBothRefuse: while neither the database nor the spill can be written records wait in memory; what does not fit is
// counted and told, by the log and by Close.
func TestBothRefuse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	if err := os.Mkdir(file+".spill", 0o700); err != nil { // not even root can write that
		t.Fatal(err)
	}
	var log diary
	s := start(t, Config{File: file, Log: log.logger()})
	release := lock(t, file)
	defer release()
	addAll(s, 0, 100)
	eventually(t, "it is told", func() bool { return strings.Contains(log.String(), "spill file cannot be written either") })
	release()
	eventually(t, "they are written", func() bool { _, total := ids(t, s, Filter{}); return total > 0 })
	expect(t, s, numbered(0, 100)...)
	release = lock(t, file)
	addAll(s, 100, 100+maxQueue+1234)
	eventually(t, "the loss is told", func() bool { return strings.Contains(log.String(), "records were lost") })
	release()
	eventually(t, "the rest is written", func() bool { got, _ := ids(t, s, Filter{Rows: 1}); return got[0] != "id99" })
	_, total := ids(t, s, Filter{Rows: 1})
	lost := 100 + maxQueue + 1234 - total
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d records of calls were lost", lost)) || lost < 700 {
		t.Errorf("%v, but %d are lost", err, lost)
	}
}

// TestDamagedSpill: what cannot be read is named by its line; all else is taken in.
func TestDamagedSpill(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	spill := spill{file + ".spill"}
	entries := func(from, to int) (all []entry) {
		for i := from; i < to; i++ {
			all = append(all, entry{newKey(call(i)), call(i)})
		}
		return all
	}
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(spill.file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	add := func(from, to int) {
		t.Helper()
		if err := spill.append(entries(from, to)); err != nil {
			t.Fatal(err)
		}
	}
	add(0, 2)
	write("\x00\xff garbage\n{}\n")
	write(`{"Key":"x","CallID":"` + strings.Repeat("1", maxLine) + "\"}\n")
	add(2, 600)
	write(`{"Key":"half a line`)
	add(600, 601)
	write(`{"Key":"the power went`)

	var log diary
	s := start(t, Config{File: file, Log: log.logger()})
	expect(t, s, numbered(0, 601)...)
	for _, line := range []string{"line=3 ", "line=4 ", "line=5 ", "line=604 ", "line=606 "} {
		if strings.Count(log.String(), line) != 1 {
			t.Errorf("%s is not told once", line)
		}
	}
	if n := strings.Count(log.String(), "damaged"); n != 5 {
		t.Errorf("%d lines are told:\n%s", n, &log)
	}
}

// TestFileTaken: whoever removes or replaces the file gets a new one, with all that follows, and a line in the log.
func TestFileTaken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	var log diary
	s := start(t, Config{File: file, Log: log.logger()})
	addAll(s, 0, 5)
	expect(t, s, numbered(0, 5)...)
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	addAll(s, 5, 9)
	expect(t, s, numbered(5, 9)...)
	if !strings.Contains(log.String(), "removed or replaced") {
		t.Error(&log)
	}
	stop(t, s)
	s = start(t, Config{File: file})
	expect(t, s, numbered(5, 9)...)
}

// TestKeep: what is too old goes, in steps, and nothing else.
func TestKeep(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	s := start(t, Config{File: file})
	now := time.Now()
	for i := range 1500 {
		r := call(i)
		if r.Start = now.Add(-48 * time.Hour); i%10 == 0 {
			r.Start = now.Add(time.Duration(i) * time.Millisecond)
		}
		s.Add(r)
	}
	stop(t, s)
	s = start(t, Config{File: file, Keep: 24 * time.Hour})
	eventually(t, "the old ones are gone", func() bool { _, total := ids(t, s, Filter{}); return total == 150 })
	list, _ := ids(t, s, Filter{Oldest: true, Rows: 2})
	if !slices.Equal(list, []string{"id0", "id10"}) {
		t.Errorf("left: %v", list)
	}
}

// TestUnfitFiles: what cannot be the history is refused with its name, and left as it is.
func TestUnfitFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	database := func(name, statements string) string {
		file := filepath.Join(folder, name)
		db, err := sql.Open("sqlite", "file:"+file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(statements); err != nil {
			t.Fatal(err)
		}
		return file
	}
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("dear diary\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		text:                                  "not an SQLite database",
		folder:                                "is a directory",
		filepath.Join(folder, "none", "x.db"): "no such file or directory",
		database("newer.db", "CREATE TABLE calls (x); PRAGMA user_version = 99"): "version 99, this ringdown knows versions up to 1",
		database("other.db", "CREATE TABLE bookmarks (x)"):                       "a database of another program",
	} {
		before, _ := os.ReadFile(file)
		s, err := Open(Config{File: file})
		if err == nil {
			s.Close()
			t.Errorf("%s is taken", file)
			continue
		}
		if !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %q and say %q", err, file, want)
		}
		if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", file)
		}
	}
	if _, err := Open(Config{Keep: -1}); err == nil {
		t.Error("a negative Keep is taken")
	}
}

// TestRights: nobody else can read who called whom.
func TestRights(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "calls.db")
	s := start(t, Config{File: file})
	addAll(s, 0, 1)
	expect(t, s, "id0")
	release := lock(t, file)
	defer release()
	addAll(s, 1, 2)
	eventually(t, "it is spilled", func() bool { return spilled(file) == 1 })
	list, err := os.ReadDir(folder)
	if err != nil || len(list) != 5 { // with -wal, -shm, .spill and .lock
		t.Fatalf("%v, %v", list, err)
	}
	for _, e := range list {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// TestNothingStays: a closed store leaves no goroutine and no open file.
func TestNothingStays(t *testing.T) {
	files := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	before, open := runtime.NumGoroutine(), files()
	for i := range 5 {
		file := filepath.Join(t.TempDir(), "calls.db")
		s := start(t, Config{File: file})
		addAll(s, 0, 10)
		release := func() {}
		if ids(t, s, Filter{}); i%2 == 1 {
			release = lock(t, file)
			addAll(s, 10, 20)
		}
		stop(t, s)
		release()
	}
	eventually(t, "all have ended", func() bool { return runtime.NumGoroutine() <= before && files() <= open })
}
