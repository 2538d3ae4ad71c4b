package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// profiled is added to the switch's own files when a profile is asked for: SIGUSR1 starts it, another one ends it. What
// was allocated since the start goes into a second file beside it, with ".allocs" at its end.
const profiled = `package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

func init() {
	c := make(chan os.Signal, 2)
	signal.Notify(c, syscall.SIGUSR1)
	go func() {
		<-c
		f, err := os.Create(%q)
		if err != nil {
			return
		}
		pprof.StartCPUProfile(f)
		<-c
		pprof.StopCPUProfile()
		f.Close()
		if f, err = os.Create(f.Name() + ".allocs"); err == nil {
			pprof.Lookup("allocs").WriteTo(f, 0)
			f.Close()
		}
	}()
}
`

// buildProfiled builds a switch that can profile itself into file, without a change to its source.
func buildProfiled(ctx context.Context, dir, file string) (binary string, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "ringdown/cmd/ringdown").Output()
	if err != nil {
		return "", err
	}
	added := filepath.Join(dir, "profile.go")
	if err := os.WriteFile(added, fmt.Appendf(nil, profiled, file), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(strings.TrimSpace(string(out)), "zz_profile.go"): added},
	})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "ringdown")
	text, err := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", binary, "ringdown/cmd/ringdown").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, text)
	}
	return binary, nil
}
