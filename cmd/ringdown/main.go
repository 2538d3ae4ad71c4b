package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// The exit codes of the command.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Run the switch. Without a file: a safe demo on loopback."`
	Demo    demoCommand    `cmd:"" help:"Run the switch with simulated phones, make and transfer real calls, print what happened."`
	Check   checkCommand   `cmd:"" help:"Validate a config and print what it means, or every fault in it."`
	Init    initCommand    `cmd:"" help:"Write a commented config with fresh secrets."`
	Answer  answerCommand  `cmd:"" help:"Be a small application: print the notifications of a switch and answer them with scripts."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// streams are what a command may read from and write to, besides files.
type streams struct {
	ctx            context.Context
	stdout, stderr io.Writer
}

// errReported ends a command that has already said what failed.
var errReported = errors.New("reported")

// exited carries kong's wish to exit (after --help) out of the parser.
type exited int

// run is the whole program: it parses args, carries the command out, and returns the exit code. When ctx ends, a
// running switch stops at once.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited:
			code = int(p)
		default:
			panic(p)
		}
	}()
	var line commands
	parser, err := kong.New(&line,
		kong.Name("ringdown"),
		kong.Description("A SIP softswitch that applications steer over HTTP."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintf(stderr, "ringdown: %v\n", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "ringdown: %v\nRun \"ringdown --help\" for usage.\n", err)
		return exitUsage
	}
	switch err := command.Run(&streams{ctx: ctx, stdout: stdout, stderr: stderr}); {
	case err == nil:
		return exitFine
	case errors.Is(err, errReported):
		return exitFailed
	default:
		fmt.Fprintf(stderr, "ringdown: %v\n", err)
		return exitFailed
	}
}
