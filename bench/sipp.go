package main

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed sipp/*.xml
var scenarios embed.FS

// sippRun is one sipp process. Zero fields are left to sipp.
type sippRun struct {
	scenario string // file of sipp/, without .xml
	target   string
	port     int           // local
	users    string        // csv file
	rate     int           // calls per second
	calls    int           // 0: a callee, which is told to stop
	hold     time.Duration // how long a caller talks, or a callee rings
}

// sipp is a sippRun that runs, or has run.
type sipp struct {
	*child
	run   sippRun
	stats string // file
	errs  string // file
	dir   string // of its files
}

// counters are what sipp counted, at one time.
type counters struct {
	at                                       time.Time
	created, successful, failed, retransmits int
	again                                    int           // messages of the switch that came once more; only in what finish returns
	unexpected                               int           // calls that failed by a message that the scenario does not know
	setup                                    time.Duration // mean, from the INVITE with credentials to its 200
}

// sippPath finds sipp.
func sippPath() (string, error) {
	path, err := exec.LookPath("sipp")
	if err != nil {
		return "", errors.New("sipp is not installed (Debian: apt-get install sip-tester)")
	}
	return path, nil
}

// startSipp starts one sipp with its files in dir. A callee is ready when startSipp returns.
func startSipp(ctx context.Context, dir string, r sippRun) (*sipp, error) {
	path, err := sippPath()
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(scenarios, "sipp/"+r.scenario+".xml")
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d-%d", r.scenario, r.port, time.Now().UnixNano())
	file := func(suffix string) string { return filepath.Join(dir, name+suffix) }
	if err := os.WriteFile(file(".xml"), text, 0o600); err != nil {
		return nil, err
	}
	s := &sipp{run: r, stats: file(".csv"), errs: file(".errors"), dir: dir}
	args := []string{r.target, "-sf", file(".xml"), "-i", "127.0.0.1", "-cid_str", "%u-%p.%s", "-p", strconv.Itoa(r.port), "-nostdin",
		"-trace_stat", "-stf", s.stats, "-fd", "1", "-trace_counts", "-trace_err", "-error_file", s.errs,
		"-buff_size", "4194304", "-l", "5000", "-deadcall_wait", "5000",
		"-d", strconv.FormatInt(r.hold.Milliseconds(), 10)}
	if r.users != "" {
		args = append(args, "-inf", r.users)
	}
	if r.calls > 0 {
		args = append(args, "-r", strconv.Itoa(r.rate), "-m", strconv.Itoa(r.calls))
	}
	if s.child, err = startChild(dir, name, nil, path, args...); err != nil {
		return nil, err
	}
	if r.calls == 0 {
		err = await(ctx, func() (open bool, err error) {
			select {
			case <-s.ended:
				return false, fmt.Errorf("sipp %s ended at once: %v\n%s", r.scenario, s.err, s.errorText())
			default:
			}
			err = eachUDP(func(port int, _ string, _ int) { open = open || port == r.port })
			return open, err
		})
		if err != nil {
			s.signal(os.Kill, stopPatience)
			return nil, err
		}
	}
	return s, nil
}

// finish waits for a caller's last call, or ends a callee once its calls are over, and returns what was counted.
// It is an error when sipp says that not all went well.
func (s *sipp) finish(ctx context.Context) (counters, error) {
	if s.run.calls == 0 {
		s.cmd.Process.Signal(syscall.SIGUSR1) // no new calls; end when the running ones have
	}
	err := s.wait(ctx)
	rows, readErr := s.rows()
	if readErr != nil {
		return counters{}, fmt.Errorf("sipp %s: %w\n%s", s.run.scenario, errors.Join(err, readErr), s.errorText())
	}
	last := rows[len(rows)-1]
	again, countErr := s.again()
	if last.again += again; err == nil {
		err = countErr
	}
	switch {
	case err != nil && (s.run.calls > 0 || countErr != nil):
		return last, s.explain(fmt.Errorf("sipp %s: %w; %d of %d calls failed", s.run.scenario, err, last.failed, last.created))
	case last.failed > 0:
		return last, s.explain(fmt.Errorf("sipp %s: %d of %d calls failed", s.run.scenario, last.failed, last.created))
	case s.run.calls > 0 && last.successful != s.run.calls:
		return last, fmt.Errorf("sipp %s: %d of %d calls succeeded", s.run.scenario, last.successful, s.run.calls)
	}
	return last, nil
}

// explain adds to an error what sipp complained of most often, each kind once, and the first in full.
func (s *sipp) explain(err error) error {
	raw, _ := os.ReadFile(s.errs)
	all := complaints(string(raw))
	if len(all) == 0 {
		return err
	}
	for _, c := range all[:min(len(all), 3)] {
		err = fmt.Errorf("%w\n%d x %s", err, c.n, c.text)
	}
	lines := strings.SplitN(all[0].first, "\n", 8)
	err = fmt.Errorf("%w\nthe first: %s", err, strings.Join(lines[:min(len(lines), 7)], "\n"))
	return lookAt(refused, fmt.Sprintf("what sipp (%s.xml) got and did not expect: %s, %d times", s.run.scenario, all[0].text, all[0].n), err)
}

// rows reads sipp's statistics, one row per second and a last one.
func (s *sipp) rows() ([]counters, error) {
	f, err := os.Open(s.stats)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
	all, err := r.ReadAll()
	if err != nil || len(all) < 2 {
		return nil, fmt.Errorf("%s: %d lines, %v", s.stats, len(all), err)
	}
	column := map[string]int{}
	for i, name := range all[0] {
		column[name] = i
	}
	var rows []counters
	for _, line := range all[1:] {
		number := func(name string) int {
			if i, ok := column[name]; ok && i < len(line) {
				n, _ := strconv.Atoi(line[i])
				return n
			}
			return 0
		}
		rows = append(rows, counters{
			at:      clock(line[column["CurrentTime"]]),
			created: number("TotalCallCreated"), successful: number("SuccessfulCall(C)"), failed: number("FailedCall(C)"),
			retransmits: number("Retransmissions(C)"), again: number("DeadCallMsgs(C)"), unexpected: number("FailedUnexpectedMessage(C)"),
			setup: span(line, column["ResponseTime1(C)"]),
		})
	}
	return rows, nil
}

// again adds up what sipp counted as received once more, message by message. That needs no help of the switch. What comes
// again when its call is over is counted elsewhere, as a message of a dead call.
func (s *sipp) again() (sum int, err error) {
	files, err := filepath.Glob(filepath.Join(s.dir, fmt.Sprintf("*_%d_counts.csv", s.cmd.Process.Pid)))
	if err != nil || len(files) != 1 {
		return 0, fmt.Errorf("sipp %s left %d files of counts, %w", s.run.scenario, len(files), err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		return 0, err
	}
	return repeatsReceived(string(raw))
}

// repeatsReceived reads "...;2_180_Recv;2_180_Retrans;..." above rows of sums, of which the last counts. The repeats of what
// was sent are "3_BYE_Sent;3_BYE_Retrans".
func repeatsReceived(text string) (sum int, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	names, values := strings.Split(lines[0], ";"), strings.Split(lines[len(lines)-1], ";")
	if len(lines) < 2 || len(names) != len(values) {
		return 0, fmt.Errorf("%d lines of counts, %d names, %d values", len(lines), len(names), len(values))
	}
	for i := 1; i < len(names); i++ {
		if strings.HasSuffix(names[i], "_Retrans") && strings.HasSuffix(names[i-1], "_Recv") {
			n, err := strconv.Atoi(values[i])
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// clock reads sipp's "2006-01-02\t15:04:05.000000\t1136214245.000000".
func clock(s string) time.Time {
	f := strings.Fields(s)
	if len(f) == 0 {
		return time.Time{}
	}
	seconds, err := strconv.ParseFloat(f[len(f)-1], 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(seconds * 1e6))
}

// span reads sipp's "00:00:00:001234", the last part in microseconds.
func span(line []string, i int) time.Duration {
	if i <= 0 || i >= len(line) {
		return 0
	}
	var h, m, s, us int
	if n, _ := fmt.Sscanf(line[i], "%d:%d:%d:%d", &h, &m, &s, &us); n != 4 {
		return 0
	}
	return time.Duration((h*60+m)*60+s)*time.Second + time.Duration(us)*time.Microsecond
}

// createdBetween is how many calls began from a to b, between the rows by interpolation.
func createdBetween(rows []counters, a, b time.Time) float64 {
	at := func(t time.Time) float64 {
		for i, r := range rows {
			if r.at.Before(t) {
				continue
			}
			if i == 0 {
				return float64(r.created)
			}
			p := rows[i-1]
			if r.at.Equal(p.at) {
				return float64(r.created)
			}
			return float64(p.created) + float64(r.created-p.created)*t.Sub(p.at).Seconds()/r.at.Sub(p.at).Seconds()
		}
		return float64(rows[len(rows)-1].created)
	}
	return at(b) - at(a)
}

// freePort is a UDP port of 127.0.0.1 that was free just now, below the range that the kernel hands out by itself. As long as
// this program runs no other one of this kind gets it: whoever is to bind it does so later.
func freePort() (int, error) { return freePorts(1) }

// freePorts are n such ports in a row, by the first.
func freePorts(n int) (first int, err error) {
	taken.Lock()
	defer taken.Unlock()
	for got, last := 0, 0; got < n; got++ {
		port, err := taken.one()
		if err != nil {
			return 0, err
		}
		if port != last+1 {
			first, got = port, 0
		}
		last = port
	}
	return first, nil
}

// taken are the ports that were given out, with what keeps others from them; a run needs a dozen.
var taken = ports{given: map[int]net.Listener{}}

type ports struct {
	sync.Mutex
	given map[int]net.Listener
}

// one gives one out.
func (p *ports) one() (int, error) {
	for port := 5100 + os.Getpid()%1000; port < 8800; port++ {
		if p.given[port] != nil || port >= 6000 && port < 6200 {
			continue // each sipp takes two from 6000 on for itself, for media, and one from 8888 on, to be controlled
		}
		claim, err := net.Listen("unix", fmt.Sprintf("@ringdown-bench-%d", port)) // abstract: it ends with the process
		if err != nil {
			continue
		}
		c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			claim.Close()
			continue
		}
		p.given[port] = claim
		return port, c.Close()
	}
	return 0, errors.New("no free UDP port from 5100 to 8800")
}
