package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is a running program as the kernel sees it: one process, or a parent with the workers it forked.
type process struct{ pids []int }

// ownProcess is this program.
func ownProcess() process { return process{pids: []int{os.Getpid()}} }

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every architecture of Linux that Go runs on.
const tick = 10 * time.Millisecond

// processTree is pid and all that descend from it now.
func processTree(pid int) process {
	p := process{pids: []int{pid}}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for grown := true; grown; {
		grown = false
		for _, file := range stats {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			f, err := statFields(file)
			if err != nil || slices.Contains(p.pids, child) {
				continue
			}
			if parent, _ := strconv.Atoi(f[1]); slices.Contains(p.pids, parent) {
				p.pids, grown = append(p.pids, child), true
			}
		}
	}
	return p
}

// statFields are the fields of /proc/PID/stat behind the name, which may hold anything: f[0] is field 3, the state.
func statFields(file string) ([]string, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(f) < 20 {
		return nil, fmt.Errorf("%s: %d fields", file, len(f))
	}
	return f, nil
}

// cpu is the user and system time used so far.
func (p process) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p.pids {
		f, err := statFields(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		for _, ticks := range f[11:13] { // utime, stime
			n, err := strconv.ParseInt(ticks, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}

// memory is the resident memory now and at its peak, in kB. For several processes, which share much of theirs, both
// are the proportional share now.
func (p process) memory() (now, peak int, err error) {
	if len(p.pids) == 1 {
		file := fmt.Sprintf("/proc/%d/status", p.pids[0])
		if now, err = kilobytes(file, "VmRSS:"); err != nil {
			return 0, 0, err
		}
		peak, err = kilobytes(file, "VmHWM:")
		return now, peak, err
	}
	for _, pid := range p.pids {
		share, err := kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:")
		if err != nil {
			return 0, 0, err
		}
		now += share
	}
	return now, now, nil
}

func kilobytes(file, key string) (int, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			return strconv.Atoi(f[1])
		}
	}
	return 0, fmt.Errorf("%s: no %s", file, key)
}

// descriptors counts the open files of the processes by what they are: "socket", "anon_inode", "/".
func (p process) descriptors() (n int, sockets map[string]bool, err error) {
	sockets = map[string]bool{}
	for _, pid := range p.pids {
		links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			return 0, nil, err
		}
		if len(links) == 0 {
			return 0, nil, fmt.Errorf("process %d shows no open file", pid)
		}
		n += len(links)
		for _, l := range links {
			if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
				sockets[strings.Trim(to, "socket:[]")] = true
			}
		}
	}
	return n, sockets, nil
}

// udpDrops is how many datagrams did not fit the receive buffers of the sockets that the processes have open.
func (p process) udpDrops() (int, error) {
	_, sockets, err := p.descriptors()
	if err != nil {
		return 0, err
	}
	sum := 0
	err = eachUDP(func(_ int, inode string, drops int) {
		if sockets[inode] {
			sum += drops
		}
	})
	return sum, err
}

// dropWatch looks at the sockets of the generators while they are open.
type dropWatch struct {
	drops map[int]int // by port
	err   error
	quit  chan struct{}
	done  sync.WaitGroup
}

// watchDrops looks once a second: often enough for a socket that is closed before the last look, seldom enough for a
// machine with thousands of sockets.
func watchDrops(ports ...int) *dropWatch {
	w := &dropWatch{drops: map[int]int{}, quit: make(chan struct{})}
	for _, port := range ports {
		w.drops[port] = 0
	}
	w.done.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for w.err == nil {
			w.look()
			select {
			case <-t.C:
			case <-w.quit:
				return
			}
		}
	})
	return w
}

func (w *dropWatch) look() {
	w.err = eachUDP(func(port int, _ string, drops int) {
		if n, ours := w.drops[port]; ours {
			w.drops[port] = max(n, drops)
		}
	})
}

// stop looks a last time, and adds up.
func (w *dropWatch) stop() (sum int, err error) {
	close(w.quit)
	w.done.Wait()
	if w.err == nil {
		w.look()
	}
	for _, n := range w.drops {
		sum += n
	}
	return sum, w.err
}

// eachUDP calls f for every UDP socket of the machine.
func eachUDP(f func(port int, inode string, drops int)) error {
	raw, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return err
	}
	six, _ := os.ReadFile("/proc/net/udp6") // not there without IPv6; a socket of both families is in it alone
	raw = append(raw, six...)
	for line := range strings.Lines(string(raw)) {
		//   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
		c := strings.Fields(line)
		if len(c) < 13 || c[0] == "sl" {
			continue
		}
		_, hex, _ := strings.Cut(c[1], ":")
		port, err := strconv.ParseInt(hex, 16, 32)
		if err != nil {
			continue
		}
		drops, _ := strconv.Atoi(c[12])
		f(int(port), c[9], drops)
	}
	return nil
}

// connected tells whether somebody on this machine has the one end, at port from, of a TCP connection whose other end is
// at port to: established, and not closed by him.
func connected(from, to int) (bool, error) {
	raw, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return false, err
	}
	six, _ := os.ReadFile("/proc/net/tcp6")
	ends := [2]string{fmt.Sprintf(":%04X", from), fmt.Sprintf(":%04X", to)}
	for line := range strings.Lines(string(raw) + string(six)) {
		//   sl  local_address rem_address   st ...; 01 is established
		if c := strings.Fields(line); len(c) > 3 && strings.HasSuffix(c[1], ends[0]) && strings.HasSuffix(c[2], ends[1]) && c[3] == "01" {
			return true, nil
		}
	}
	return false, nil
}

// machineTimes is, since the start of the machine, the time in which all cores together had nothing to do, and that in
// which they had, but the host of this virtual machine ran something else. The kernel measures both, whereas the busy
// columns beside them are sampled at ticks, which miss most of what wakes up shortly and often.
func machineTimes() (idle, stolen time.Duration, err error) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	f := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal ...
	if len(f) < 9 {
		return 0, 0, fmt.Errorf("/proc/stat: %q", line)
	}
	for i, to := range map[int]*time.Duration{4: &idle, 5: &idle, 8: &stolen} {
		n, err := strconv.ParseInt(f[i], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		*to += time.Duration(n) * tick
	}
	return idle, stolen, nil
}
