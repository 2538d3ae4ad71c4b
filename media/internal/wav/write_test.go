package wav

import (
	"errors"
	"fmt"
	"testing"
)

// disk is a file in memory that keeps every write, and may refuse them.
type disk struct {
	writes []write
	room   int // bytes that it takes; 0: all
}

type write struct {
	at   int64
	data []byte
}

var errNoSpace = errors.New("no space")

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	if d.room > 0 && int(at)+len(b) > d.room {
		b = b[:max(d.room-int(at), 0)]
		d.writes = append(d.writes, write{at, append([]byte{}, b...)})
		return len(b), errNoSpace
	}
	d.writes = append(d.writes, write{at, append([]byte{}, b...)})
	return len(b), nil
}

// after is what the file holds after some writes, and of the next one so many bytes.
func (d *disk) after(writes, more int) (file []byte) {
	put := func(w write) {
		if need := int(w.at) + len(w.data) - len(file); need > 0 {
			file = append(file, make([]byte, need)...)
		}
		copy(file[w.at:], w.data)
	}
	for _, w := range d.writes[:writes] {
		put(w)
	}
	if writes < len(d.writes) {
		w := d.writes[writes]
		put(write{w.at, w.data[:min(more, len(w.data))]})
	}
	return file
}

func ramp(from, n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(from + i)
	}
	return s
}

// Edge case A8: whatever has become of the file when its writer dies, it is read, and holds all but the last samples.
func TestWriterDies(t *testing.T) {
	d := new(disk)
	w, err := NewWriter(d, 8000)
	if err != nil {
		t.Fatal(err)
	}
	told := []int{0, 0} // samples that are there after so many writes
	for _, n := range []int{160, 1, 4000, 333} {
		if err := w.Write(ramp(w.Len(), n)); err != nil {
			t.Fatal(err)
		}
		told = append(told, told[len(told)-1], w.Len())
	}
	if err := w.Write(nil); err != nil || len(d.writes) != len(told)-1 {
		t.Errorf("%v, %d writes", err, len(d.writes))
	}
	for writes := 3; writes <= len(d.writes); writes++ {
		for _, more := range []int{0, 1, 2, 159, 7999} {
			if writes < len(d.writes) && d.writes[writes].at == 0 {
				more = 0 // the header is written at once
			}
			r, err := Read(d.after(writes, more), 10)
			if err != nil || r.Rate != 8000 || len(r.Samples) != told[writes] {
				t.Fatalf("after %d writes and %d bytes: %v, %d samples, want %d", writes, more, err, len(r.Samples), told[writes])
			}
			for i, s := range r.Samples {
				if s != float64(int16(i)) {
					t.Fatalf("after %d writes: sample %d is %v", writes, i, s)
				}
			}
		}
	}
}

// A disk that is full leaves what was there before.
func TestWriterFull(t *testing.T) {
	d := &disk{room: 44 + 2*1000}
	w, err := NewWriter(d, 16000)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ramp(0, 800)); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ramp(800, 800)); !errors.Is(err, errNoSpace) || w.Len() != 800 {
		t.Errorf("%v, %d samples", err, w.Len())
	}
	r, err := Read(d.after(len(d.writes), 0), 10)
	if err != nil || r.Rate != 16000 || len(r.Samples) != 800 {
		t.Errorf("%v, %d samples at %d Hz", err, len(r.Samples), r.Rate)
	}
	if _, err := NewWriter(&disk{room: 10}, 8000); !errors.Is(err, errNoSpace) {
		t.Errorf("without room for the header: %v", err)
	}
}

// The sizes of the format have 32 bits.
func TestWriterMost(t *testing.T) {
	d := new(disk)
	w, _ := NewWriter(d, 8000)
	w.n = MaxSamples - 10
	if err := w.Write(ramp(0, 11)); err != ErrFull {
		t.Errorf("one too many: %v", err)
	}
	if err := w.Write(ramp(0, 10)); err != nil {
		t.Errorf("the last: %v", err)
	}
	head := d.writes[len(d.writes)-1].data
	if got := fmt.Sprintf("% x % x", head[4:8], head[40:44]); got != "f6 ff ff ff d2 ff ff ff" {
		t.Errorf("sizes %s", got)
	}
}
