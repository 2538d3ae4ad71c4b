package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The name of a scenario has flags on either side.
func TestParse(t *testing.T) {
	for _, args := range []string{"rtpengine -calls 400 -seconds 15", "-calls 400 rtpengine -seconds 15", "-calls 400 -seconds 15 rtpengine"} {
		o, s, err := parse(strings.Fields(args))
		must(t, err)
		if s.name != "rtpengine" || o.calls != 400 || o.seconds != 15 {
			t.Errorf("%s: %s with %d calls for %d s", args, s.name, o.calls, o.seconds)
		}
	}
	for args, want := range map[string][3]int{
		"": {200, 30, 200}, "sustained": {1200, 60, 200}, "list": {200, 30, 4000}, "list -calls 7": {200, 30, 7}, "capacity -rate 5 -seconds 9": {5, 9, 200},
	} {
		o, _, err := parse(strings.Fields(args))
		if got := [3]int{o.rate, o.seconds, o.calls}; err != nil || got != want {
			t.Errorf("%q: rate, seconds, calls %v, not %v; %v", args, got, want, err)
		}
	}
}

// Each scenario takes its own flags and refuses each of the others with a sentence that names its own; -h shows the same.
func TestFlagsOfEachScenario(t *testing.T) {
	values := map[string]string{"hold": "1s", "slot": "1ms", "load": "trunks", "password": "x", "api": "http://x", "client": "x", "secret": "x",
		"binary": "x", "profile": "x", "results": "", "peer": "127.0.0.1:9"}
	for _, s := range commands {
		for _, name := range strings.Fields(s.flags) {
			if new(options).define().Lookup(name) == nil {
				t.Errorf("%s has a flag -%s that there is not", s.name, name)
			}
		}
		var shown strings.Builder
		help(&shown, s)
		new(options).define().VisitAll(func(f *flag.Flag) {
			value, ok := values[f.Name]
			if !ok {
				value = "6"
			}
			_, _, err := parse([]string{s.name, "-" + f.Name, value})
			refused := err != nil && strings.HasPrefix(err.Error(), s.name+" takes no -"+f.Name+":")
			if refused == s.has(f.Name) {
				t.Errorf("%s -%s: %v", s.name, f.Name, err)
			}
			if refused && s.alone == "" && !strings.Contains(err.Error(), strings.Join(strings.Fields(s.flags), ", -")) {
				t.Errorf("%s -%s does not name those that there are: %v", s.name, f.Name, err)
			}
			if is := strings.Contains(shown.String(), "\n  -"+f.Name+" ") || strings.Contains(shown.String(), "\n  -"+f.Name+"\n"); is != s.has(f.Name) {
				t.Errorf("%s -h shows -%s: %v", s.name, f.Name, is)
			}
		})
		if s.has("peer") == (s.alone != "") {
			t.Errorf("%s has -peer and a reason why it has none, or neither", s.name)
		}
	}
}

// README.md has each scenario, and its commands are ones that there are.
func TestReadmeCommands(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	must(t, err)
	var seen []string
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		args, ok := strings.CutPrefix(line, "go run ./bench")
		if !ok {
			continue
		}
		_, s, err := parse(strings.Fields(args))
		if err != nil && !errors.Is(err, flag.ErrHelp) && !strings.Contains(line, "-peer") {
			t.Errorf("%s: %v", line, err)
		}
		seen = append(seen, s.name)
	}
	for _, s := range commands {
		if !slices.Contains(seen, s.name) {
			t.Errorf("README.md has no command for %s", s.name)
		}
	}
}

// What does not go together, or is out of bounds, is told by the name of the flag.
func TestValidate(t *testing.T) {
	const self = " -peer 127.0.0.1:9 -pid 1"
	for args, want := range map[string]string{
		"calls -rate 0":                                   "-rate 0: from 1 to 5000",
		"media -calls 9999":                               "-calls 9999: from 1 to 4500",
		"calls -seconds 4":                                "-seconds 4: from 5",
		"calls -hold 2m":                                  "-hold 2m0s",
		"media -slot 1s":                                  "-slot 1s",
		"calls -rate 1000 -hold 10s":                      "calls at a time",
		"sustained -load both":                            "-load both",
		"calls -pid 1":                                    "-peer is missing",
		"trunks -in 5070":                                 "-peer is missing",
		"blind-api -api http://127.0.0.1:1":               "-peer is missing",
		"calls -peer 127.0.0.1:5060":                      "-pid",
		"calls -peer 192.0.2.1:5060 -pid 1":               "loopback",
		"calls -peer [::1]:5060 -pid 1":                   "127.0.0.1",
		"calls -peer localhost -pid 1":                    "127.0.0.1:5060",
		"calls -peer 127.0.0.1:9 -pid 99999999":           "no such process",
		"calls -binary x" + self:                          "-binary",
		"calls -profile x" + self:                         "-profile",
		"trunks" + self:                                   "-in and -out",
		"sustained" + self:                                "-in and -out",
		"delay -in 5070" + self:                           "-in and -out",
		"trunks -pairs 3 -in 5070 -out 5072" + self:       "overlap",
		"trunks -in 70000 -out 5072" + self:               "ports from",
		"sustained -load calls -in 5070 -out 5080" + self: "-load trunks",
		"blind-api" + self:                                "-api",
		"list" + self:                                     "list takes no -peer: no other switch",
		"media -nonsense 1":                               "go run ./bench media -h",
		"nonsense":                                        `no scenario "nonsense"`,
		"calls media":                                     `unexpected "media"`,
		"compare 1":                                       "two runs",
		"media -":                                         "unexpected",
		"sustained -load calls -pairs 2":                  "-load trunks",
		"kamailio -pairs 2":                               "-load trunks",
		"kamailio -load trunks" + self:                    "-in and -out",
	} {
		if _, _, err := parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which should say %q", args, err, want)
		}
	}
	for _, args := range []string{"calls" + self, "sustained -load calls" + self, "trunks -in 5070 -out 5080" + self,
		"blind-api -api http://127.0.0.1:1/openapi/v1.0 -secret x" + self, "compare 1 2"} {
		if _, _, err := parse(strings.Fields(args)); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// A program that is missing is named before anything is started, with what to install.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, want := range map[string]string{"calls": "sip-tester", "query": "sip-tester", "rtpengine": "rtpengine-daemon", "all": "rtpengine-daemon"} {
		s, _ := find(name)
		if err := s.missing(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"media", "delay", "blind", "compare"} {
		if s, _ := find(name); s.missing() != nil {
			t.Errorf("%s: %v", name, s.missing())
		}
	}
}

// A file that is named is looked for before the load, and a program is found from the folder where it was named.
func TestFindFiles(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.WriteFile("switch", nil, 0o700))
	must(t, os.WriteFile("rows.md", nil, 0o600))
	o := options{binary: "switch", results: "rows.md"}
	if err := o.findFiles(); err != nil || !filepath.IsAbs(o.binary) {
		t.Errorf("%q, %v", o.binary, err)
	}
	for _, o := range []options{{binary: "none"}, {results: "none"}, {binary: "switch", results: filepath.Join("none", "rows.md")}} {
		if err := o.findFiles(); err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := (&options{}).findFiles(); err != nil {
		t.Error(err)
	}
}
