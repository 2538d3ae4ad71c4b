//go:build unix

package history

import (
	"errors"
	"os"
	"syscall"
)

// occupy takes the database for this process alone, by a file beside it: two programs would not know of each other's spill.
// It is free again when the file is closed, or the process is gone.
func occupy(file string) (*os.File, error) {
	f, err := os.OpenFile(file+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another ringdown uses it: give each a file of its own")
		}
		return nil, err
	}
	return f, nil
}
