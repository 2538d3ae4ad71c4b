package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// rtpenginePath finds rtpengine.
func rtpenginePath() (string, error) {
	path, err := exec.LookPath("rtpengine")
	if err != nil {
		return "", errors.New("rtpengine is not installed (Debian: apt-get install rtpengine-daemon)")
	}
	return path, nil
}

// startRtpengine starts rtpengine in user space on loopback, with its files in dir.
func startRtpengine(ctx context.Context, dir string) (*target, error) {
	path, err := rtpenginePath()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	t := &target{name: "rtpengine", ng: fmt.Sprintf("127.0.0.1:%d", port)}
	t.own, err = startChild(dir, "rtpengine", nil, path,
		"--config-file=none", // or Debian's is read
		"--foreground", "--log-stderr", "--log-level=4",
		"--table=-1", // no kernel module: it is compared with a program
		"--interface=127.0.0.1", "--listen-ng="+t.ng,
		"--port-min=20000", "--port-max=29999", // not ringdown's, and below those that the kernel hands out by itself
		fmt.Sprintf("--num-threads=%d", runtime.NumCPU()), // as ringdown has; one alone costs less and delays more
		"--endpoint-learning=immediate",                   // else it is at it for 3 s, until the window begins
		"--delete-delay=0")
	if err != nil {
		return nil, err
	}
	if err := t.awaitNG(ctx); err != nil {
		t.own.signal(os.Kill, stopPatience)
		return nil, err
	}
	t.proc = processTree(t.own.cmd.Process.Pid)
	return t, nil
}

// awaitNG waits until rtpengine answers.
func (t *target) awaitNG(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ng, err := dialNG(t.ng)
	if err != nil {
		return err
	}
	defer ng.conn.Close()
	var last error
	err = await(ctx, func() (bool, error) {
		select {
		case <-t.own.ended:
			return false, fmt.Errorf("rtpengine ended at once: %v\n%s", t.own.err, t.own.errorText())
		default:
		}
		_, last = ng.ask(ctx, "ping", dict{})
		return last == nil, nil
	})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("rtpengine does not become ready: %w\n%s", last, t.own.errorText())
	}
	return err
}

// runRtpengine is the scenario "rtpengine": the same streams through both in turn, and the ratio of each pair.
func runRtpengine(ctx context.Context, o options) error {
	var peer, ours []*held
	for range rounds {
		h, err := o.rtpengineRound(ctx)
		if err != nil {
			return err
		}
		peer = append(peer, h)
		t, _, done, err := o.open(ctx, nil)
		if err != nil {
			return err
		}
		ours = append(ours, o.mediaRound(ctx, t, done))
	}
	var errs []error
	for i := range peer {
		own, ratio, err := compare(peer[i], ours[i])
		errs = append(errs, o.reportMedia(peer[i], own), o.reportMedia(ours[i], ratio), err)
	}
	return errors.Join(errs...)
}

// compare is the ratio of a pair, the peer's own first. There is none when one of them did not carry what it was sent:
// a packet that is lost is a packet that cost less. That a run was not clean is for its report to say.
func compare(peer, ours *held) (own, ratio string, err error) {
	if peer.clean() != nil || ours.clean() != nil {
		return "", "", nil
	}
	for _, h := range []*held{peer, ours} {
		if sent, lost := h.stream.sent, h.stream.sent-h.stream.received; lost*1000 > sent {
			return "", "", fmt.Errorf("no ratio to rtpengine: %s lost %d of %d packets", h.system, lost, sent)
		}
	}
	return "1", fmt.Sprintf("%.2f", ours.per1000()/peer.per1000()), nil
}

func (o options) rtpengineRound(ctx context.Context) (*held, error) {
	dir, err := os.MkdirTemp("", "ringdown-bench")
	if err != nil {
		return nil, err
	}
	t, err := startRtpengine(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return o.mediaRound(ctx, t, func() error { return errors.Join(t.stop(), os.RemoveAll(dir)) }), nil
}
