package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const maxLine = 64 << 10 // of the spill file; a record is far shorter

// spill is the file that holds records while the database cannot be written: a JSON object a line, in the order in which
// they came. Only the writer touches it.
type spill struct{ file string }

// append adds a batch. It is on the disk, or nothing of it is in the file.
func (s *spill) append(batch []entry) error {
	var lines bytes.Buffer
	for i := range batch {
		line, err := json.Marshal(&batch[i])
		if err != nil {
			return err
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	f, err := os.OpenFile(s.file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size+int64(lines.Len()) > maxSpill {
		return fmt.Errorf("it has grown to %d bytes", size)
	}
	text := lines.Bytes()
	if last := make([]byte, 1); size > 0 {
		// A process that was killed may have left half a line.
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		} else if last[0] != '\n' {
			text = append([]byte{'\n'}, text...)
		}
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(size))
	}
	if size == 0 {
		return syncFolder(s.file)
	}
	return nil
}

// replay hands everything to commit, in order and in batches, tells damaged of lines that hold no record, and removes the
// file. It returns how many records there were. When commit fails the file stays as it is: what is in the database by then
// is told by its key.
func (s *spill) replay(commit func([]entry) error, damaged func(line int, fault error)) (n int, err error) {
	f, err := os.Open(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errSpill, err)
	}
	defer f.Close()
	type fault struct {
		line int
		err  error
	}
	var faults []fault
	var batch []entry
	r := bufio.NewReaderSize(f, maxLine)
	for number := 1; ; number++ {
		line, end := r.ReadSlice('\n')
		long := false
		for errors.Is(end, bufio.ErrBufferFull) {
			long = true
			_, end = r.ReadSlice('\n')
		}
		if end != nil && !errors.Is(end, io.EOF) {
			return n, fmt.Errorf("%w: %w", errSpill, end)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			e, err := readEntry(line, long)
			if err != nil {
				faults = append(faults, fault{number, err})
			} else {
				batch = append(batch, e)
				n++
			}
		}
		if len(batch) == batchSize || end != nil && len(batch) > 0 {
			if err := commit(batch); err != nil {
				return n, err
			}
			batch = batch[:0]
		}
		if end != nil {
			break
		}
	}
	for _, x := range faults { // once, not at every attempt
		damaged(x.line, x.err)
	}
	if err := os.Remove(s.file); err != nil {
		return n, fmt.Errorf("%w: %w", errSpill, err)
	}
	if err := syncFolder(s.file); err != nil {
		return n, fmt.Errorf("%w: %w", errSpill, err)
	}
	return n, nil
}

func readEntry(line []byte, long bool) (e entry, err error) {
	if long {
		return e, fmt.Errorf("longer than %d bytes", maxLine)
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	if e.Key == "" || e.Start.IsZero() {
		return e, errors.New("no key or no start")
	}
	e.Record = clean(e.Record)
	return e, nil
}

// errSpill is a fault of the spill file itself.
var errSpill = errors.New("spill file")

// syncFolder puts the name of a file on the disk, or that it is gone.
func syncFolder(file string) error {
	f, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
