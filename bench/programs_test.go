package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needPrograms skips a test by name where a phone is absent; RINGDOWN_REQUIRE_PHONES turns that into a failure.
func needPrograms(t *testing.T, names ...string) {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("RINGDOWN_REQUIRE_PHONES") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// program is a phone that somebody else wrote, as a user works it.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	input  io.Writer // linphonec's terminal
	stdout string    // its file
	dir    string
	ctrl   net.Conn // baresip's ctrl_tcp
	answer *bufio.Reader
}

// startProgram starts a phone that ends with the test.
func startProgram(t *testing.T, dir, name string, args ...string) *program {
	p := &program{t: t, cmd: exec.Command(name, args...), dir: dir, stdout: filepath.Join(dir, "stdout")}
	out, err := os.Create(p.stdout)
	must(t, err)
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = append(os.Environ(), "HOME="+dir)
	p.input, err = p.cmd.StdinPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		if raw, _ := os.ReadFile(p.stdout); t.Failed() {
			t.Logf("%s printed\n%s", name, raw[max(0, len(raw)-3000):])
		}
	})
	return p
}

// tone writes a file that a phone plays.
func tone(t *testing.T, dir string) string {
	const n = 8000 * 10
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data")
	size := func(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }
	b = append(b, size(2*n)...)
	for i := range n {
		v := int16(8000 * math.Sin(2*math.Pi*440*float64(i)/8000))
		b = append(b, byte(v), byte(v>>8))
	}
	copy(b[4:], size(len(b)-8))
	file := filepath.Join(dir, "tone.wav")
	must(t, os.WriteFile(file, b, 0o600))
	return file
}

// startBaresip starts a baresip without a sound card, as phones.md describes it, registered under a number.
func startBaresip(t *testing.T, sw *target, u users, k int) *program {
	dir := t.TempDir()
	port, err := freePort()
	must(t, err)
	_, err = freePort() // it takes the next one too
	must(t, err)
	control, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	at := control.Addr().String()
	control.Close()
	modules, err := filepath.Glob("/usr/lib*/*baresip/modules/menu.so")
	if more, _ := filepath.Glob("/usr/lib/*/baresip/modules/menu.so"); len(modules) == 0 {
		modules = more
	}
	if err != nil || len(modules) == 0 {
		t.Skip("baresip's modules are not where they are looked for")
	}
	config := fmt.Sprintf(`sip_listen 127.0.0.1:%d
net_interface 127.0.0.1
audio_source aufile,%s
audio_player aubridge,nil%d
rtp_ports 40000-40999
ausrc_srate 8000
auplay_srate 8000
module_path %s
module g711.so
module aufile.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen %s
`, port, tone(t, dir), k, filepath.Dir(modules[0]), at)
	account := fmt.Sprintf("<sip:%s@example.com>;outbound=\"sip:%s\";auth_pass=%s;regint=120;audio_codecs=PCMU,PCMA;answermode=auto\n",
		u.number(k), sw.sip, u.password)
	must(t, os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "accounts"), []byte(account), 0o600))
	p := startProgram(t, dir, "baresip", "-f", dir)
	must(t, await(bounded(t), func() (bool, error) {
		p.ctrl, err = net.Dial("tcp", at)
		return err == nil, nil
	}))
	t.Cleanup(func() { p.ctrl.Close() })
	p.answer = bufio.NewReader(p.ctrl)
	p.waits("", "reginfo", "OK")
	return p
}

// says has baresip obey a command and returns what it answers (netstrings with JSON; events lie between).
func (p *program) says(command, params string) (string, error) {
	text, _ := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	p.ctrl.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(p.ctrl, "%d:%s,", len(text), text); err != nil {
		return "", err
	}
	for {
		var n int
		if _, err := fmt.Fscanf(p.answer, "%d:", &n); err != nil || n > 1<<20 {
			return "", errors.Join(errors.New("not a netstring"), err)
		}
		raw := make([]byte, n+1)
		if _, err := io.ReadFull(p.answer, raw); err != nil {
			return "", err
		}
		var answer struct {
			Response bool
			Data     string
		}
		if err := json.Unmarshal(raw[:n], &answer); err != nil || answer.Response {
			return answer.Data, err
		}
	}
}

// do has baresip obey.
func (p *program) do(command, params string) {
	p.t.Helper()
	_, err := p.says(command, params)
	must(p.t, err)
}

// waits waits until all words are in what baresip answers to a command.
func (p *program) waits(params, command string, words ...string) {
	p.t.Helper()
	var last string
	err := await(bounded(p.t), func() (bool, error) {
		var err error
		last, err = p.says(command, params)
		for _, w := range words {
			if !strings.Contains(last, w) {
				return false, err
			}
		}
		return true, err
	})
	if err != nil {
		p.t.Fatalf("%v: %s says %q, want %q", err, command, last, words)
	}
}

// startLinphone starts a linphonec without a sound card, registered under a number.
func startLinphone(t *testing.T, sw *target, u users, k int) *program {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, ".local", "share", "linphone"), 0o700))
	port, err := freePort()
	must(t, err)
	rc := fmt.Sprintf(`[sip]
sip_port=%d
sip_tcp_port=-1
default_proxy=0
[rtp]
audio_rtp_port=42000-42999
[auth_info_0]
username=%[2]s
passwd=%s
[proxy_0]
reg_proxy=<sip:%s>
reg_identity=sip:%[2]s@%[4]s
reg_sendregister=1
`, port, u.number(k), u.password, sw.sip)
	must(t, os.WriteFile(filepath.Join(dir, "rc"), []byte(rc), 0o600))
	p := startProgram(t, dir, "linphonec", "-c", filepath.Join(dir, "rc"))
	p.prints("linphonec> ")
	ctx := bounded(t)
	must(t, await(ctx, func() (bool, error) { // before that it has no address of its own to call from
		p.types("status register")
		raw, err := os.ReadFile(p.stdout)
		return strings.Contains(string(raw), "registered, identity"), errors.Join(err, pause(ctx, 200*time.Millisecond))
	}))
	p.types("soundcard use files")
	p.types("play " + tone(t, dir))
	return p
}

// types types a line at linphonec.
func (p *program) types(line string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.input, line)
	must(p.t, err)
}

// prints waits until linphonec has printed that.
func (p *program) prints(text string) {
	p.t.Helper()
	var raw []byte
	err := await(bounded(p.t), func() (bool, error) {
		var err error
		raw, err = os.ReadFile(p.stdout)
		return strings.Contains(string(raw), text), err
	})
	if err != nil {
		p.t.Fatalf("%v: no %q in\n%s", err, text, raw)
	}
}

// talking waits until just two baresips are in a call, and no other call is up.
func talking(t *testing.T, ctx context.Context, sw *target, a, b *program) {
	t.Helper()
	for _, p := range []*program{a, b} {
		p.waits("", "listcalls", "Active calls (1)", "ESTABLISHED")
	}
	must(t, await(ctx, func() (bool, error) {
		n, err := sw.activeCalls(ctx)
		return n == 1, err
	}))
	// One of them hangs up: the other's call ends, so they had each other.
	a.do("hangup", "")
	b.waits("", "listcalls", "Active calls (0)")
	must(t, sw.awaitNoCalls(ctx))
}

// Phones that others wrote transfer each other by their own commands; see phones.md.
func TestRealPhonesTransfer(t *testing.T) {
	needPrograms(t, "baresip", "linphonec")
	u := users{first: 3000, count: 6, password: "a-secret"}
	sw, err := startRingdown(t.Context(), t.TempDir(), builtSwitch(t), u, nil)
	must(t, err)
	t.Cleanup(func() {
		if err := sw.stop(); err != nil {
			t.Error(err)
		}
	})
	transferee, target := startBaresip(t, sw, u, 1), startBaresip(t, sw, u, 2)
	uri := func(k int) string { return "sip:" + u.number(k) + "@" + sw.sip }
	t.Run("baresip blind", func(t *testing.T) {
		from := startBaresip(t, sw, u, 0)
		from.do("dial", "sip:"+u.number(1)+"@example.com")
		from.waits("", "listcalls", "ESTABLISHED")
		from.do("transfer", "sip:"+u.number(2)+"@example.com")
		from.waits("", "listcalls", "Active calls (0)")
		talking(t, bounded(t), sw, transferee, target)
	})
	t.Run("linphone", func(t *testing.T) {
		from := startLinphone(t, sw, u, 3)
		from.types("call " + uri(1))
		from.prints("Media streams established with " + uri(1) + " for call 1")
		from.types("transfer 1 " + uri(2))
		from.prints("of call 1 has been transfered")
		talking(t, bounded(t), sw, transferee, target)

		from.types("call " + uri(1))
		from.prints("Media streams established with " + uri(1) + " for call 2")
		from.types("pause")
		from.prints("Call 2 with " + uri(1) + " is now paused")
		from.types("call " + uri(2))
		from.prints("Media streams established with " + uri(2) + " for call 3")
		from.types("transfer 2 --to-call 3")
		from.prints("of call 2 has been transfered")
		talking(t, bounded(t), sw, transferee, target)
	})
}
