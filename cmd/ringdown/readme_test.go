package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
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
