package main

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed ringdown.yaml.tmpl
var configTemplate string

// initCommand is "ringdown init".
type initCommand struct {
	File  string `arg:"" optional:"" default:"ringdown.yaml" help:"Where to write (- for stdout; default: ${default})." placeholder:"FILE"`
	Force bool   `help:"Replace a file that exists."`
}

// Run carries the command out.
func (c *initCommand) Run(s *streams) error {
	text, err := freshConfig()
	if err != nil {
		return err
	}
	if c.File == "-" {
		_, err := s.stdout.Write(text)
		return err
	}
	if err := writePrivate(c.File, text, c.Force); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists; --force replaces it", c.File)
		}
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "wrote %s; run it with: ringdown serve --config %s\n", c.File, c.File)
	return err
}

// freshConfig is the commented config with secrets of 130 random bits.
func freshConfig() ([]byte, error) {
	t, err := template.New("config").Funcs(template.FuncMap{"secret": rand.Text}).Parse(configTemplate)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = t.Execute(&text, nil)
	return text.Bytes(), err
}

// writePrivate writes a file that only its owner may read. It refuses a file that exists, or replaces it as a whole.
func writePrivate(file string, text []byte, replace bool) error {
	var f *os.File
	var err error
	if replace {
		f, err = os.CreateTemp(filepath.Dir(file), ".ringdown-*") // mode 0600, whatever the older file's
	} else {
		f, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Close())
	if err == nil && replace {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
