package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestConfigs checks every config of testdata: the good_ ones by the table of what they mean, the bad_ ones by their
// fault lines.
func TestConfigs(t *testing.T) {
	t.Chdir(filepath.Join("testdata", "config"))
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no configs: %v", err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"check", file}, &stdout, &stderr)
			want := exitFine
			if strings.HasPrefix(file, "bad_") {
				want = exitFailed
			}
			if code != want || stderr.Len() > 0 {
				t.Errorf("exit code: expected %d, got %d; stderr %q", want, code, &stderr)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", stdout.String())
		})
	}
}

// golden compares got with a file of testdata, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: expected\n%s\ngot\n%s", file, want, got)
	}
}

func TestConfigValues(t *testing.T) {
	cfg, err := LoadConfig(filepath.Join("testdata", "config", "good_full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, e := range cfg.Extensions {
		fmt.Fprintf(&got, "%s|%s|%s\n", e.Number, string(e.Password), e.Name)
	}
	want := `2000|0123456|Alice
*77|{number}|Ann "A" Lee
098|pw098|Desk 098
099|pw099|Desk 099
100|pw100|Desk 100
101|pw101|Desk 101
102|pw102|Desk 102
carol.smith|literal|carol.smith
`
	if got.String() != want {
		t.Errorf("extensions: expected\n%s\ngot\n%s", want, got.String())
	}
}

func TestConfigLeastHasDefaults(t *testing.T) {
	cfg, err := LoadConfig(filepath.Join("testdata", "config", "good_least.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	demo := DefaultConfig()
	if fmt.Sprint(cfg.Calls, cfg.Transfer, cfg.RingTimeout, cfg.Media, cfg.SIP.Digest) !=
		fmt.Sprint(demo.Calls, demo.Transfer, demo.RingTimeout, demo.Media, demo.SIP.Digest) {
		t.Errorf("expected the defaults of\n%+v\ngot\n%+v", demo, cfg)
	}
	if len(cfg.Extensions) != 0 || cfg.Ozeki.Listen.IsValid() {
		t.Errorf("a file takes nothing of the demo: got %+v", cfg)
	}
}

func TestDefaultConfigIsValidAndOnLoopback(t *testing.T) {
	cfg := DefaultConfig()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, s := range cfg.sockets() {
		if !s.addr.Addr().IsLoopback() {
			t.Errorf("%s is not on loopback", s)
		}
	}
	cfg.anyPorts()
	if err := cfg.Validate(); err != nil {
		t.Errorf("with any ports: %v", err)
	}
}

func TestConfigFileFaults(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, bytes.Repeat([]byte("# \n"), maxConfigSize/3+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "none.yaml: cannot be read: no such file or directory; name a readable YAML file",
		dir:                             ": cannot be read: is a directory; name a readable YAML file",
		large:                           "large.yaml:1:1: is larger than 16 MB; write large groups of extensions as a range",
	} {
		_, err := LoadConfig(file)
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: expected %q, got %v", file, want, err)
		}
	}
}

func TestConfigTooManyExtensions(t *testing.T) {
	var text strings.Builder
	text.WriteString("sip: {domain: example.com, listen: [\"udp://127.0.0.1:5060\"]}\nextensions:\n")
	for i := range 6 {
		fmt.Fprintf(&text, "  - {numbers: %d00000-%d99999, password: a-secret}\n", i+1, i+1)
	}
	_, err := ParseConfig("big.yaml", []byte(text.String()))
	want := "big.yaml:8:15: extensions[5].numbers: makes more than 500000 extensions; define fewer"
	if err == nil || err.Error() != want {
		t.Errorf("expected %s, got %v", want, err)
	}
}

func TestFaultsAreCutWhenShown(t *testing.T) {
	text := strings.Repeat("- a\n", 1500)
	_, err := ParseConfig("f", []byte("sip: {domain: example.com, listen: [\"udp://127.0.0.1:0\"]}\nextensions:\n"+text))
	if err == nil || !strings.HasSuffix(err.Error(), "\nand 500 more faults") {
		t.Errorf("expected a cut list, got %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	cfg := DefaultConfig()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb+"\n", cfg.Ozeki.Users[0])
		fmt.Fprintf(&out, verb+"\n", cfg.Ozeki.Users[0].Password)
	}
	fmt.Fprintf(&out, "%+v\n", cfg)
	if err := json.NewEncoder(&out).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "user", cfg.Ozeki.Users[0], "password", cfg.Ozeki.Users[0].Password)
	for _, secret := range []string{string(demoPassword), string(demoHTTPPassword), fmt.Sprintf("%x", string(demoHTTPPassword))} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s was printed:\n%s", secret, &out)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"domain", "digest", "listen", "advertise"}
	for name, want := range map[string]string{
		"domian": "domain", "listne": "listen", "Listen": "listen", "advertize": "advertise", "listeners": "listen",
		"music": "", "x": "", "": "", strings.Repeat("listen", 20): "",
	} {
		if got := nearest(name, keys); got != want {
			t.Errorf("nearest(%q): expected %q, got %q", name, want, got)
		}
	}
}

// TestFrameOfTheDesign keeps the documented example readable: the public frame as far as it is there.
func TestFrameOfTheDesign(t *testing.T) {
	cfg, err := ParseConfig("design.yaml", []byte(`
sip:
  domain: example.com              # realm and AOR domain
  digest: [md5, sha-256]
  listen: [udp://127.0.0.1:5060, tcp://127.0.0.1:5060]
  advertise: ""
media:
  listen: ""
  ports: 20000-29999
calls: {max: 12h, silence: 60s, hops: 5}
extensions:
  - {number: "2000", password: secret, name: Alice, outbound: true, connected_line: true, forward: {busy: "2001", no_answer: "2001"}}   # or always
  - {number: "2001", password: secret}
  - {numbers: 3001-3150, password: "pw{number}"}
ring_timeout: 30s
transfer: {no_answer: 15s, on_fail: recall, retries: 2, delay: 10s}
features: {blind: "*03", attended: "*3", code_timeout: 1s, digit_timeout: 3s}
ozeki:
  listen: 127.0.0.1:9509
  users: [{username: HTTP_User_1, password: qwe123}]
reports:                           # S-Series reports are POSTed here
  - url: http://127.0.0.1:8260/
trunks:
  - {name: provider, address: 192.0.2.10:5060, identify: [192.0.2.10]}      # IP peer
  - {name: isp, address: sip.example.com, username: u, password: p, register: true}
routes:
  inbound:                         # first match wins; {number} is the number that was called
    - {trunk: provider, pattern: "^5503301$", to: "2000"}
    - {trunk: provider, pattern: "^1[0-9]+$", to: "{number}"}
  outbound:
    - {pattern: "^[0-9]{6,}$", trunks: [provider, isp], strip: 0, prepend: ""}
`))
	if err != nil {
		t.Fatal(err)
	}
	if last := cfg.Extensions[len(cfg.Extensions)-1]; len(cfg.Extensions) != 152 || last.Number != "3150" || last.Password != "pw3150" {
		t.Errorf("expected 152 extensions up to 3150, got %d up to %s", len(cfg.Extensions), last.Number)
	}
}
