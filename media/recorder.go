package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
	"ringdown/media/internal/mix"
)

// maxTapes is how many recordings may run at once.
const maxTapes = 500

// closePatience is how long Close waits for the disk.
const closePatience = 10 * time.Second

// recordID names a recording.
type recordID struct {
	call callstate.CallID
	ref  uint32
}

// tapeFile is the file of a recording.
type tapeFile interface {
	io.WriterAt
	io.Closer
	Sync() error
	Discard() // instead of Close: the file is removed
}

// folder is the media folder.
type folder string

// check tells whether it can be: it is a folder, or is not there yet and what it lies in is.
func (f folder) check() error {
	s, err := os.Stat(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		s, err = os.Stat(filepath.Dir(filepath.Clean(string(f))))
	}
	switch {
	case err != nil:
		return err
	case !s.IsDir():
		return fmt.Errorf("%s is no folder", f)
	}
	return nil
}

// create makes a file below the folder, and the folders that it lies in. It must not be there yet; nothing that the
// name may hold leads outside (edge case X18).
func (f folder) create(file string) (tapeFile, error) {
	name := filepath.Clean(filepath.FromSlash(file))
	if !filepath.IsLocal(name) || name == "." {
		return nil, fmt.Errorf("%q is no file below the media folder", file)
	}
	// The folder itself is made as well, but not what it should lie in: that may be a disk that is missing.
	if err := os.Mkdir(string(f), 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("the media folder cannot be made: %w", reason(err))
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, fmt.Errorf("the media folder cannot be opened: %w", reason(err))
	}
	w := tapeOf{root: root, name: name}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o750); err != nil {
			root.Close()
			return nil, fmt.Errorf("%s: %w", dir, reason(err))
		}
	}
	w.File, err = root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("%s: %w", file, reason(err))
	}
	return w, nil
}

// tapeOf is a file in the media folder.
type tapeOf struct {
	*os.File
	root *os.Root
	name string
}

// Close tells also when the file is in the folder no more: whoever is told of a recording must be able to fetch it.
func (t tapeOf) Close() error {
	defer t.root.Close()
	mine, err := t.Stat()
	there, gone := t.root.Lstat(t.name)
	switch {
	case err != nil:
	case errors.Is(gone, fs.ErrNotExist):
		err = errors.New("it was removed meanwhile")
	case gone != nil:
		err = gone
	case !os.SameFile(mine, there):
		err = errors.New("another one has its name")
	}
	return errors.Join(t.File.Close(), err)
}

func (t tapeOf) Discard() {
	t.root.Remove(t.name)
	t.Close()
}

// reason is an error of a file without the path, which those who are told must not see.
func reason(err error) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// startRecord begins a recording; its goroutine tells how that went. What is said from now on is in it, however long
// the disk takes to open the file.
func (e *Engine) startRecord(c callstate.StartRecord) {
	id := recordID{c.Call, c.Ref}
	e.wire.Lock()
	defer e.wire.Unlock()
	var fail string
	switch {
	case e.closed:
		return
	case e.cfg.Folder == "":
		fail = "there is no media folder (media.folder)"
	case e.tapes[id] != nil:
		fail = "this recording runs already"
	case len(e.tapes) >= maxTapes:
		fail = fmt.Sprintf("%d recordings run already", len(e.tapes))
	}
	if fail != "" {
		e.cfg.Log.Warn("media: cannot record", "call", c.Call, "file", c.File, "reason", fail)
		e.cfg.Post(callstate.RecordStarted{ID: c.Call, Ref: c.Ref, Fail: fail})
		return
	}
	r := newRecording(e, c)
	e.tapes[id] = r
	e.tapers.Go(r.write)
	e.clock.want(r)
}

// recordLegs changes whom a recording hears. A leg that is not there is heard once it is opened.
func (e *Engine) recordLegs(c callstate.RecordLegs) {
	e.wire.Lock()
	defer e.wire.Unlock()
	r := e.tapes[recordID{c.Call, c.Ref}]
	if r == nil {
		return
	}
	before := r.legs
	r.wanted, r.legs = slices.Clone(c.Legs), nil
	for _, id := range c.Legs {
		if l := e.legs[id]; l != nil && !slices.Contains(r.legs, l) {
			r.hear(l)
		}
	}
	for _, l := range before {
		if !slices.Contains(r.legs, l) {
			l.taped = without(l.taped, r)
		}
	}
	r.gather()
	for _, l := range before {
		l.reroute()
	}
}

// hear adds a leg to those that a recording hears. Called with wire held, before gather.
func (r *recording) hear(l *leg) {
	r.legs = append(r.legs, l)
	if !slices.Contains(l.taped, r) {
		l.taped = append(l.taped, r)
	}
}

func without[T comparable](all []T, one T) []T {
	return slices.DeleteFunc(all, func(x T) bool { return x == one })
}

// endRecord ends a recording. Its goroutine does the rest.
func (e *Engine) endRecord(c callstate.EndRecord) {
	e.wire.Lock()
	defer e.wire.Unlock()
	if r := e.tapes[recordID{c.Call, c.Ref}]; r != nil {
		r.end("")
	}
}

// tape gives a leg that was opened to those recordings that wait for it. Called with wire held.
func (e *Engine) tape(l *leg) {
	for _, r := range e.tapes {
		if slices.Contains(r.wanted, l.id) {
			r.hear(l)
		}
	}
}

// untape takes a leg that is being closed out of all recordings, which go on. Called with wire held.
func (e *Engine) untape(l *leg) {
	tapes := l.taped
	l.taped = nil
	for _, r := range tapes {
		r.legs = without(r.legs, l)
		r.gather()
	}
}

// isKept tells whether a leg's source is heard by somebody other than legs. Called with wire held.
func (l *leg) isKept() bool {
	return l.ear != nil && l.ear.source == l.source || slices.ContainsFunc(l.taped, func(r *recording) bool { return slices.Contains(r.sources, l.source) })
}

// gather finds the sources of those that a recording hears; a codec that cannot be read is silence. Called with wire
// held.
func (r *recording) gather() {
	var sources []*mix.Source
	for _, l := range r.legs {
		switch a := l.agreed.Load(); {
		case a.off(): // or not negotiated yet
		case a.kind == codec.None:
			if _, noted := r.mute[l.id]; !noted {
				if r.mute == nil {
					r.mute = map[callstate.LegID]string{}
				}
				r.mute[l.id] = a.codec.Name
				r.e.cfg.Log.Warn("media: a leg cannot be recorded", "leg", l.id.String(), "file", r.file, "codec", a.codec.Name)
			}
		default:
			if r.mute[l.id] != "" {
				r.mute[l.id] = "" // noted, but it is heard after all
			}
			sources = append(sources, l.mixed(a.kind))
		}
	}
	r.mu.Lock()
	r.sources = sources
	r.mu.Unlock()
}

// detach takes a recording that is over out of everything, and tells who is not in it. Its file is still open.
func (r *recording) detach() (mute string) {
	r.e.wire.Lock()
	defer r.e.wire.Unlock()
	for _, name := range slices.Sorted(maps.Values(r.mute)) {
		if name != "" {
			mute = fmt.Sprintf("not all parties are in it: %s cannot be recorded", name)
		}
	}
	delete(r.e.tapes, r.id)
	legs := r.legs
	r.legs, r.wanted = nil, nil
	r.gather()
	for _, l := range legs {
		l.taped = without(l.taped, r)
		l.reroute()
	}
	return mute
}

// awaitTapers waits until the files of all recordings are complete.
func (e *Engine) awaitTapers() {
	done := make(chan struct{})
	go func() { e.tapers.Wait(); close(done) }()
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C: // it hangs in the disk
		e.ended.Store(true)
		e.cfg.Log.Error("media: recordings are given up: the disk does not answer", "after", closePatience.String())
	}
}
