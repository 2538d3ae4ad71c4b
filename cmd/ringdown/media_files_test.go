package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// What is no file of the media folder is refused at once: a named pipe holds nobody up, no link leads out of the folder, and
// nothing is opened before the folder is there (edge case X18).
func TestMediaFiles(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "media")
	if _, err := mediaFiles(folder).Open("a.wav"); !os.IsNotExist(err) {
		t.Errorf("without a folder: %v", err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(folder, 0o700))
	must(syscall.Mkfifo(filepath.Join(folder, "pipe.wav"), 0o600))
	must(os.WriteFile(filepath.Join(folder, "a.wav"), []byte("RIFF"), 0o600))
	must(os.Symlink("/dev/zero", filepath.Join(folder, "zero.wav")))

	for name, opens := range map[string]bool{"a.wav": true, "pipe.wav": true, "zero.wav": false, "none.wav": false} {
		done := make(chan bool, 1)
		go func() {
			f, err := mediaFiles(folder).Open(name)
			if err == nil {
				s, _ := f.Stat()
				if name == "pipe.wav" && s.Mode().IsRegular() {
					t.Error("a pipe is a file")
				}
				f.Close()
			}
			done <- err == nil
		}()
		select {
		case got := <-done:
			if got != opens {
				t.Errorf("%s opens: %v", name, got)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s holds whoever opens it", name)
		}
	}
}
