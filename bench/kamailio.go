package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed kamailio.cfg
var kamailioConfig []byte

// kamailioPath finds Kamailio, which a user's PATH may not have.
func kamailioPath() (string, error) {
	for _, name := range []string{"kamailio", "/usr/sbin/kamailio"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("kamailio is not installed (Debian: apt-get install kamailio)")
}

// startKamailio starts Kamailio on a free loopback port, with its files in dir.
func startKamailio(ctx context.Context, dir string, u users, lines lines) (*target, error) {
	path, err := kamailioPath()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(config, kamailioConfig, 0o600); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{"-DD", "-E", "-f", config, "-Y", dir, "-w", dir,
		"-m", "512", "-M", "32", "-l", fmt.Sprintf("udp:127.0.0.1:%d", port), "-A", fmt.Sprintf("SECRET=%q", u.password)}, kamailioTrunks(lines)...)
	c, err := startChild(dir, "kamailio", nil, path, args...)
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err = await(wait, func() (open bool, err error) {
		select {
		case <-c.ended:
			return false, fmt.Errorf("kamailio ended at once: %v\n%s", c.err, c.errorText())
		default:
		}
		err = eachUDP(func(p int, _ string, _ int) { open = open || p == port })
		return open, err
	})
	if err == nil {
		err = pause(wait, time.Second) // the socket is bound before the workers are forked
	}
	if err != nil {
		c.signal(os.Kill, stopPatience)
		return nil, err
	}
	return &target{name: "Kamailio", sip: fmt.Sprintf("127.0.0.1:%d", port), lines: lines, proc: processTree(c.cmd.Process.Pid), own: c}, nil
}

// rounds is how often the two take turns, so that what else the machine does falls on both.
const rounds = 2

// runKamailio is the scenario "kamailio": both switches in turn, and the ratio of each pair.
func runKamailio(ctx context.Context, o options) error {
	if o.load == delayKind {
		return o.compareDelay(ctx)
	}
	var peer, ours []*load
	for range rounds {
		k, err := o.kamailioRound(ctx)
		if err != nil {
			return err
		}
		peer = append(peer, k)
		t, dir, done, err := o.openFor(ctx, o.kind())
		if err != nil {
			return err
		}
		r := callLoad(ctx, o, o.kind(), t, dir)
		r.fault(done())
		ours = append(ours, r)
	}
	var errs []error
	for i := range peer {
		errs = append(errs, o.report(peer[i], "1"))
		ratio := ""
		if peer[i].clean() == nil {
			ratio = fmt.Sprintf("%.2f", ours[i].per1000/peer[i].per1000)
		}
		errs = append(errs, o.report(ours[i], ratio))
	}
	return errors.Join(errs...)
}

func (o options) kamailioRound(ctx context.Context) (l *load, err error) {
	var lines lines
	if o.kind().name == trunkLoad.name {
		if lines, err = o.trunkLines(); err != nil {
			return nil, err
		}
	}
	stopped, err := o.withKamailio(ctx, lines, func(t *target, dir string) { l = callLoad(ctx, o, o.kind(), t, dir) })
	if err == nil {
		l.fault(stopped)
	}
	return l, err
}

// withKamailio has Kamailio run while f loads it. stopped is how it ended.
func (o options) withKamailio(ctx context.Context, l lines, f func(t *target, dir string)) (stopped, err error) {
	dir, err := os.MkdirTemp("", "ringdown-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	t, err := startKamailio(ctx, dir, o.users, l)
	if err != nil {
		return nil, err
	}
	f(t, dir)
	return t.stop(), nil
}
