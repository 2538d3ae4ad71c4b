package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
)

// TestExitCodes walks the command line: what is a usage error, and where each answer goes.
func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // contained; "" means nothing at all
	}{
		{"", exitUsage, "", "expected one of"},
		{"bogus", exitUsage, "", "unexpected argument bogus"},
		{"--help", exitFine, "Usage: ringdown <command>", ""},
		{"serve --help", exitFine, "--trace", ""},
		{"serve none.yaml", exitFailed, "", "none.yaml: cannot be read"},
		{"serve --config a.yaml b.yaml", exitUsage, "", "name one config"},
		{"serve a.yaml b.yaml", exitUsage, "", "unexpected argument"},
		{"serve --log-level loud", exitUsage, "", "must be one of"},
		{"serve --config none.yaml", exitFailed, "", "none.yaml: cannot be read"},
		{"check --config a.yaml b.yaml", exitUsage, "", "name one config"},
		{"check --config none.yaml", exitFailed, "none.yaml: cannot be read", ""},
		{"check none.yaml", exitFailed, "none.yaml: cannot be read", ""},
		{"check", exitFine, "20: 2000 to 2019", ""},
		{"version", exitFine, "ringdown ", ""},
		{"version --loud", exitUsage, "", "unknown flag"},
		{"init -", exitFine, "ring_timeout: 30s", ""},
		{"init none/ringdown.yaml", exitFailed, "", "no such file"},
	} {
		t.Run(c.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), strings.Fields(c.args), &stdout, &stderr); code != c.code {
				t.Errorf("expected exit code %d, got %d", c.code, code)
			}
			for _, out := range []struct{ name, want, got string }{
				{"stdout", c.stdout, stdout.String()}, {"stderr", c.stderr, stderr.String()},
			} {
				if !strings.Contains(out.got, out.want) || out.want == "" && out.got != "" {
					t.Errorf("%s: expected %q, got %q", out.name, out.want, out.got)
				}
			}
		})
	}
}

func TestInitThenCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ringdown.yaml")
	do := func(want int, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != want {
			t.Fatalf("%v: expected exit code %d, got %d: %s%s", args, want, code, &stdout, &stderr)
		}
		return stdout.String() + stderr.String()
	}
	do(exitFine, "init", file)
	if out := do(exitFine, "check", file); !strings.HasSuffix(out, "\nok\n") {
		t.Errorf("check: expected ok, got %q", out)
	}
	private := func() []byte {
		t.Helper()
		stat, err := os.Stat(file)
		if err != nil || stat.Mode().Perm() != 0o600 {
			t.Fatalf("expected mode 0600, got %v, %v", stat.Mode(), err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	first := private()
	if out := do(exitFailed, "init", file); !strings.Contains(out, "exists; --force replaces it") {
		t.Errorf("init over a file: got %q", out)
	}
	if !bytes.Equal(private(), first) {
		t.Error("a refused init changed the file")
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	do(exitFine, "init", file, "--force")
	if bytes.Equal(private(), first) {
		t.Error("the secrets are not fresh")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("init left %v behind", left)
	}
}

func TestFreshConfigSecretsDiffer(t *testing.T) {
	text, err := freshConfig()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := ParseConfig("fresh", text)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Secret]bool{cfg.Ozeki.Users[0].Password: true}
	for _, e := range cfg.Extensions {
		if seen[e.Password] || len(e.Password) < 20 {
			t.Errorf("extension %s: a weak or shared secret", e.Number)
		}
		seen[e.Password] = true
	}
}

func TestDemoSecretsAreToldAtStart(t *testing.T) {
	var out bytes.Buffer
	printDemoSecrets(&out, DefaultConfig())
	want := "demo: extensions 2000 to 2019, password ringdown-demo; HTTP user HTTP_User_1, password qwe123\n" +
		"demo: Yeastar client id app, client secret demo-app-secret\n"
	if out.String() != want {
		t.Errorf("expected %q, got %q", want, out.String())
	}
}

func TestVersionLine(t *testing.T) {
	build := &debug.BuildInfo{
		Main: debug.Module{Version: "v0.1.0"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	if got, want := versionLine(build), "ringdown v0.1.0 0123456789ab with changes, go1."; !strings.HasPrefix(got, want) {
		t.Errorf("expected %q..., got %q", want, got)
	}
	if got, want := versionLine(nil), "ringdown (unknown), go1."; !strings.HasPrefix(got, want) {
		t.Errorf("expected %q..., got %q", want, got)
	}
}

func TestSignalsFirstDrainsSecondStops(t *testing.T) {
	signals := make(chan os.Signal)
	ctx, drain, release := watchSignals(t.Context(), signals, slog.New(slog.DiscardHandler))
	defer release()
	select {
	case <-drain:
		t.Fatal("draining before a signal")
	default:
	}
	signals <- syscall.SIGTERM
	<-drain
	if ctx.Err() != nil {
		t.Fatal("stopped by the first signal")
	}
	signals <- syscall.SIGINT
	<-ctx.Done()
}

func TestSignalsEndWithTheirParent(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	ctx, drain, release := watchSignals(parent, make(chan os.Signal), slog.New(slog.DiscardHandler))
	cancel()
	<-ctx.Done()
	<-drain
	release()
	release() // twice does no harm
}

func TestSignalsReleased(t *testing.T) {
	signals := make(chan os.Signal, 1)
	ctx, drain, release := watchSignals(t.Context(), signals, slog.New(slog.DiscardHandler))
	signals <- syscall.SIGTERM
	<-drain
	release()
	<-ctx.Done()
}

// TestRealSignal sends one to this very process.
func TestRealSignal(t *testing.T) {
	ctx, drain, release := notifySignals(t.Context(), slog.New(slog.DiscardHandler))
	defer release()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Skipf("cannot send a signal here: %v", err)
	}
	<-drain
	if ctx.Err() != nil {
		t.Error("stopped by the first signal")
	}
}
