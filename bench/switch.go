package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// target is the switch under load.
type target struct {
	name    string      // as in RESULTS.md
	sip     string      // host:port, UDP
	http    string      // URL of the Ozeki API, "" without
	openAPI string      // URL of the P-Series API, "" without
	lines   lines       // to the outside
	events  *subscriber // nil: nobody reads them
	ng      string      // host:port, UDP, of rtpengine's control protocol; "": a switch that speaks SIP
	proc    process
	own     *child // nil: somebody else's, not to be stopped
	dropped int    // datagrams that did not fit its receive buffers before this run
	dumped  bool   // ended by dump
	drain   drain  // how it lets packets gather, if it says so
}

// domain is what the switch calls its own. Of somebody else's only the address is known.
func (t *target) domain() string {
	host, _, err := net.SplitHostPort(t.sip)
	if t.own != nil || err != nil {
		return "example.com"
	}
	return host
}

// child is a program that was started here. Only children are ever signalled.
type child struct {
	cmd    *exec.Cmd
	stderr string // file
	ended  chan struct{}
	err    error // of Wait; valid once ended is closed
}

// startChild starts a program whose stderr goes to a file of dir. Its stdout is handed to read, line by line.
func startChild(dir, name string, read func(line string), path string, args ...string) (*child, error) {
	stderr, err := os.Create(filepath.Join(dir, name+".stderr"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	c := &child{cmd: exec.Command(path, args...), stderr: stderr.Name(), ended: make(chan struct{})}
	c.cmd.Dir, c.cmd.Stderr = dir, stderr
	c.cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if read != nil {
				read(lines.Text())
			}
		}
		io.Copy(io.Discard, out)
		c.err = c.cmd.Wait()
	}()
	return c, nil
}

// wait waits for the end of the child; when ctx ends first, it is killed.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		c.cmd.Process.Kill()
		<-c.ended
		return ctx.Err()
	}
}

// signal sends s and waits for the end, which follows by force after the patience.
func (c *child) signal(s os.Signal, patience time.Duration) error {
	c.cmd.Process.Signal(s)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.wait(ctx)
}

// errorText is the end of what the child wrote to stderr.
func (c *child) errorText() string {
	raw, _ := os.ReadFile(c.stderr)
	return string(raw[max(0, len(raw)-20_000):])
}

// The HTTP account of a switch that was started here.
const apiUser, apiPassword = "bench", "bench-secret"

// switchConfig is the config of a switch on free loopback ports, with the numbers of u and the lines to the outside.
func switchConfig(u users, l lines) string {
	return fmt.Sprintf(`sip:
  domain: example.com
  listen: ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]
media: {ports: 10000-31999}
extensions:
  - {numbers: %d-%d, password: %q%s}
ozeki:
  listen: 127.0.0.1:0
  users: [{username: %s, password: %s}]
`, u.first, u.first+u.count-1, u.password, l.right(), apiUser, apiPassword) + l.config()
}

// startRingdown builds the switch, unless binary names one, and starts it with its files in dir. more are further parts of
// its config.
func startRingdown(ctx context.Context, dir, binary string, u users, l lines, more ...string) (*target, error) {
	if binary == "" {
		binary = filepath.Join(dir, "ringdown")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "ringdown/cmd/ringdown").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	config := filepath.Join(dir, "ringdown.yaml")
	if err := os.WriteFile(config, []byte(switchConfig(u, l)+strings.Join(more, "")), 0o600); err != nil {
		return nil, err
	}
	gathers, err := readDrain(ctx, binary, config)
	if err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	c, err := startChild(dir, "ringdown", func(line string) {
		if strings.HasPrefix(line, "ready: ") {
			ready <- line
		}
	}, binary, "serve", "--config", config, "--log-level", "warn")
	if err != nil {
		return nil, err
	}
	select {
	case line := <-ready:
		t := &target{name: "ringdown", proc: process{pids: []int{c.cmd.Process.Pid}}, own: c, drain: gathers}
		m := regexp.MustCompile(`udp://(\S+?),? .*?(?:yeastar (http://\S+), )?http (http://\S+)`).FindStringSubmatch(line)
		if m == nil {
			c.signal(syscall.SIGTERM, stopPatience)
			return nil, fmt.Errorf("unknown ready line: %q", line)
		}
		t.sip, t.openAPI, t.http, t.lines = m[1], m[2], m[3], l
		return t, nil
	case <-c.ended:
		return nil, fmt.Errorf("ringdown ended at once: %v\n%s", c.err, c.errorText())
	case <-ctx.Done():
		c.signal(os.Kill, stopPatience)
		return nil, ctx.Err()
	}
}

const stopPatience = 20 * time.Second

// stop ends a switch that was started here, and says when it did not end well.
func (t *target) stop() error {
	if t.own == nil {
		return nil
	}
	select {
	case <-t.own.ended:
		if t.dumped {
			return nil
		}
		return lookAt(gone, fmt.Sprintf("%s: it ended during the run (%v)", t.name, t.own.err), fmt.Errorf("%s ended: %v\n%s", t.name, t.own.err, t.own.errorText()))
	default:
	}
	t.own.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-t.own.ended:
		if t.own.err != nil {
			return fmt.Errorf("%s did not stop cleanly: %w\n%s", t.name, t.own.err, t.own.errorText())
		}
		return nil
	case <-time.After(stopPatience):
		t.own.signal(syscall.SIGQUIT, stopPatience) // its last words say what it waits for
		return fmt.Errorf("%s did not stop in %v:\n%s", t.name, stopPatience, t.own.errorText())
	}
}

var goroutineLine = regexp.MustCompile(`(?m)^goroutine \d+ `)

// dump ends a Go program by SIGQUIT and counts the goroutines in its last words: the one way to see them from outside
// that asks nothing of the product.
func (t *target) dump() (goroutines int, stacks string, err error) {
	if t.own == nil {
		return 0, "", errors.New("not started here")
	}
	t.own.signal(syscall.SIGQUIT, stopPatience)
	t.dumped = true
	raw, err := os.ReadFile(t.own.stderr)
	if err != nil {
		return 0, "", err
	}
	n := len(goroutineLine.FindAll(raw, -1))
	if n == 0 {
		return 0, "", errors.New("no goroutine in what SIGQUIT left")
	}
	return n, string(raw), nil
}

// activeCalls is how many calls the switch lists.
func (t *target) activeCalls(ctx context.Context) (int, error) {
	q := url.Values{"command": {"ListActiveCalls"}, "Username": {apiUser}, "Password": {apiPassword}}
	req, err := http.NewRequestWithContext(ctx, "GET", t.http+"?"+q.Encode(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if !strings.Contains(string(body), "<Code>200</Code>") {
		return 0, fmt.Errorf("ListActiveCalls: %s", body)
	}
	return strings.Count(string(body), "<CallId>"), nil
}

// awaitNoCalls waits until the switch lists no call.
func (t *target) awaitNoCalls(ctx context.Context) error {
	if t.http == "" {
		return nil
	}
	var n int
	err := await(ctx, func() (bool, error) {
		var err error
		n, err = t.activeCalls(ctx)
		return n == 0, err
	})
	if n > 0 {
		return fmt.Errorf("%d calls are left", n)
	}
	return err
}

// await asks until the answer is yes, ctx ends, or asking fails.
func await(ctx context.Context, done func() (bool, error)) error {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
