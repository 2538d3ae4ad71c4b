package history

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestSpillKeepsNothingOfAFailure: what could not be written whole is not there in part, so that a later attempt adds each
// record once.
func TestSpillKeepsNothingOfAFailure(t *testing.T) {
	t.Parallel()
	s := spill{filepath.Join(t.TempDir(), "calls.db.spill")}
	if err := s.append([]entry{{"a", call(1)}}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	full.Close()
	if err := (&spill{"/dev/full"}).append([]entry{{"b", call(2)}}); err == nil {
		t.Error("a full disk took it")
	}
	if err := os.Truncate(s.file, maxSpill-1); err != nil { // a hole; it costs nothing
		t.Fatal(err)
	}
	if err := s.append([]entry{{"b", call(2)}}); err == nil {
		t.Error("it grows beyond its bound")
	}
	if err := os.Truncate(s.file, int64(len(before))); err != nil {
		t.Fatal(err)
	}
	if err := s.append([]entry{{"b", call(2)}}); err != nil {
		t.Fatal(err)
	}
	var keys string
	n, err := s.replay(func(batch []entry) error {
		for _, e := range batch {
			keys += e.Key
		}
		return nil
	}, func(line int, fault error) { t.Errorf("line %d: %v", line, fault) })
	if n != 2 || err != nil || keys != "ab" {
		t.Errorf("%d records %s, %v", n, keys, err)
	}
}

// FuzzSpillLine: a line that is taken for a record is one that is written and read as the same.
func FuzzSpillLine(f *testing.F) {
	line, err := json.Marshal(entry{"k", call(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"Key":"k","Start":"2013-08-13T08:00:00Z","CallerID":"\ud800\u0000","Ring":-1}`))
	f.Add([]byte(`{"Key":"k","Start":"9999-12-31T23:59:59.999999999+23:59"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := readEntry(line, false)
		if err != nil {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%+v: %v", e, err)
		}
		back, err := readEntry(again, false)
		if err != nil || !back.Start.Equal(e.Start) {
			t.Fatalf("%+v became %+v, %v", e, back, err)
		}
		if back.Start = e.Start; back != e {
			t.Fatalf("%+v became %+v", e, back)
		}
	})
}
