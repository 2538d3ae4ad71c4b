package history

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The process that TestKilled kills.
const childFile = "RINGDOWN_TEST_HISTORY"

func TestMain(m *testing.M) {
	if file := os.Getenv(childFile); file != "" {
		child(file)
		return
	}
	os.Exit(m.Run())
}

// child adds records for ever, and says after each hundred how many are on the disk.
func child(file string) {
	s, err := Open(Config{File: file})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := 0; ; i++ {
		s.Add(call(i))
		if i%100 == 99 {
			if err := s.flush(s.ctx); err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println(i + 1)
		}
	}
}

// TestKilled: a process that is killed loses what was queued and nothing that was written; its file opens as any other.
func TestKilled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "calls.db")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childFile+"="+file)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	written := 0
	lines := bufio.NewScanner(out)
	for written < 1500 && lines.Scan() {
		if written, err = strconv.Atoi(lines.Text()); err != nil {
			t.Error(lines.Text())
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out)
	for line := range strings.Lines(string(rest)) { // it went on until it was killed
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			written = max(written, n)
		}
	}
	cmd.Wait()
	s := start(t, Config{File: file})
	got, total := ids(t, s, Filter{Oldest: true, Rows: 1 << 20})
	if total < written || written < 1500 {
		t.Fatalf("%d are left, %d were written", total, written)
	}
	for i, id := range got {
		if id != fmt.Sprintf("id%d", i) {
			t.Fatalf("record %d is %s", i, id)
		}
	}
	addAll(s, total, total+1)
	expect(t, s, numbered(0, total+1)...)
}
