package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"ringdown/control/ozml"
)

// What README.md draws of the states is in the drawing that is made from the tables.
func TestReadmeDrawsRealStates(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	states, err := os.ReadFile("../../callstate/states.md")
	if err != nil {
		t.Fatal(err)
	}
	arrows := regexp.MustCompile(`(?m)^    \S+ --> .*$`).FindAllString(string(readme), -1)
	if len(arrows) < 10 {
		t.Errorf("README.md draws %d arrows", len(arrows))
	}
	for _, arrow := range arrows {
		if !strings.Contains(string(states), arrow+"\n") {
			t.Errorf("README.md draws %q, which states.md does not know", strings.TrimSpace(arrow))
		}
	}
}

// The parts of a config that README.md shows are one valid config together.
func TestReadmeShowsAConfig(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := "sip: {domain: example.com, listen: [\"udp://127.0.0.1:5060\"]}\n"
	parts := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	for _, part := range parts {
		text += part[1]
	}
	cfg, err := ParseConfig("README.md", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(parts) < 3 || len(cfg.Trunks) == 0 || len(cfg.Reports) == 0 {
		t.Errorf("README.md shows %d parts, %d trunks, %d reports", len(parts), len(cfg.Trunks), len(cfg.Reports))
	}
}

// So is each config that it has the reader write into a file.
func TestReadmeWritesConfigs(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile("(?s)cat > (\\w+\\.yaml) <<'END'\n(.*?)\nEND\n").FindAllStringSubmatch(string(readme), -1)
	for _, f := range files {
		if _, err := ParseConfig(f[1], []byte(f[2])); err != nil {
			t.Errorf("%s: %v", f[1], err)
		}
	}
	if len(files) < 2 {
		t.Errorf("README.md writes %d configs", len(files))
	}
}

// And each script is one.
func TestReadmeWritesScripts(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile("(?s)cat > (\\w+\\.xml) <<'END'\n(.*?)\nEND\n").FindAllStringSubmatch(string(readme), -1)
	for _, f := range files {
		if s, err := ozml.Parse([]byte(f[2])); err != nil || s == nil {
			t.Errorf("%s: %v", f[1], err)
		}
	}
	if len(files) < 2 {
		t.Errorf("README.md writes %d scripts", len(files))
	}
}

// The secrets that README.md tells are those of the demo.
func TestReadmeTellsTheDemosSecrets(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{string(demoPassword), string(demoHTTPPassword), string(demoClientSecret), demoHTTPUser} {
		if !strings.Contains(string(readme), secret) {
			t.Errorf("README.md lacks %q", secret)
		}
	}
}
