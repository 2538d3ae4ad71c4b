package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand is "ringdown version".
type versionCommand struct{}

// Run carries the command out.
func (versionCommand) Run(s *streams) error {
	build, _ := debug.ReadBuildInfo()
	_, err := fmt.Fprintln(s.stdout, versionLine(build))
	return err
}

// versionLine names the module's version, the commit it was built from, and the Go version. build may be nil.
func versionLine(build *debug.BuildInfo) string {
	version, revision, changed := "(unknown)", "", false
	if build != nil {
		if build.Main.Version != "" {
			version = build.Main.Version
		}
		for _, s := range build.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				changed = s.Value == "true"
			}
		}
	}
	line := "ringdown " + version
	if revision != "" {
		line += " " + revision[:min(12, len(revision))]
	}
	if changed {
		line += " with changes"
	}
	return fmt.Sprintf("%s, %s %s/%s", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
