package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/mp3"
	"ringdown/media/internal/wav"
)

// file names what a file held when it was looked up.
type file struct {
	name    string
	changed time.Time
	size    int64
}

// File returns the clip of a file of the media folder: WAV or MP3, of at most 10 minutes. name is relative to the folder,
// with slashes. An error tells the name, what is wrong, and where in the file (edge case X18).
func (l *Library) File(ctx context.Context, name string) (callstate.Clip, error) {
	clip, err := l.file(ctx, name)
	if err != nil {
		if len(name) > maxName {
			name = strings.ToValidUTF8(name[:maxName], "") + "..."
		}
		return "", fmt.Errorf("file %q: %w", name, err)
	}
	return clip, nil
}

func (l *Library) file(ctx context.Context, name string) (callstate.Clip, error) {
	f, err := l.open(name)
	if err != nil {
		return "", err
	}
	s, err := f.Stat()
	if err == nil && !s.Mode().IsRegular() {
		err = errors.New("it is no file: " + s.Mode().Type().String())
	}
	if err != nil {
		f.Close()
		return "", err
	}
	a, begun, err := l.find(file{name, s.ModTime(), s.Size()}, "file "+name, readTime, func(ctx context.Context) (loop, error) {
		defer f.Close()
		if ctx.Err() != nil {
			return loop{}, context.Cause(ctx)
		}
		r, err := read(f, s.Size())
		if err != nil {
			return loop{}, err
		}
		return render(ctx, r)
	})
	if !begun {
		f.Close()
	}
	if err != nil {
		return "", err
	}
	return a.wait(ctx)
}

// maxName is the longest name of a file, in bytes.
const maxName = 255

// open opens a file of the media folder, and none outside of it.
func (l *Library) open(name string) (*os.File, error) {
	if text := unfit(name); text != "" {
		return nil, errors.New(text)
	}
	if l.cfg.Folder == "" {
		return nil, errors.New("there is no media folder")
	}
	root, err := os.OpenRoot(l.cfg.Folder)
	if err != nil {
		return nil, fmt.Errorf("the media folder cannot be opened: %w", err)
	}
	defer root.Close()
	// Without O_NONBLOCK a named pipe would hold us until somebody writes.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file in the media folder")
	case errors.As(err, &path) && path.Err.Error() == "path escapes from parent":
		return nil, errors.New("it leads out of the media folder")
	case errors.As(err, &path):
		return nil, path.Err
	}
	return f, err
}

// unfit tells why a name can be that of no file in the media folder; "" when it can.
func unfit(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case strings.Contains(name, "://"):
		return "a URL cannot be played, only a file of the media folder"
	case len(name) > maxName:
		return fmt.Sprintf("the name has %d bytes, %d are the most", len(name), maxName)
	case strings.ContainsRune(name, 0):
		return "the name has a NUL in it"
	case strings.Contains(name, "\\"):
		return "the name has a backslash in it: folders are parted by slashes"
	case strings.HasPrefix(name, "/"):
		return "the name begins with a slash: it must be relative to the media folder"
	case !fs.ValidPath(name):
		return "the name has a part that is empty, . or .., or is no UTF-8"
	case name == ".":
		return "it is the media folder itself"
	}
	return ""
}

// others are kinds of files that people try, by how they begin.
var others = map[string]string{"OggS": "Ogg", "fLaC": "FLAC", "RF64": "RF64", "FORM": "AIFF", ".snd": "AU", "#!AM": "AMR", "\x1aE\xdf\xa3": "WebM"}

// mp3Bytes is the longest MP3 file: 10 minutes at the highest rate have less than half of it.
const mp3Bytes = 64 << 20

// read finds out what a file of so many bytes holds.
func read(f io.ReaderAt, size int64) (reader, error) {
	head := make([]byte, 4)
	if n, err := f.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	} else if n < len(head) {
		return nil, fmt.Errorf("byte %d: the file ends, and is neither WAV nor MP3", n)
	}
	switch other := others[string(head)]; {
	case mp3.Is(head) && size > mp3Bytes:
		return nil, fmt.Errorf("%d MB are too long, %d MB of MP3 are the most", size>>20, mp3Bytes>>20)
	case mp3.Is(head):
		return mp3.Open(f, size)
	case other != "":
		return nil, fmt.Errorf("byte 0: %s cannot be read, only WAV and MP3", other)
	case string(head) != "RIFF":
		return nil, errors.New("byte 0: this is neither a WAV file, which begins with RIFF....WAVE, nor MP3")
	}
	return readWAV(f, size)
}

func readWAV(f io.ReaderAt, size int64) (reader, error) {
	r, err := wav.Open(f, size)
	if err != nil {
		return nil, err
	}
	if n := r.Len() / int64(r.Rate()); n > int64(clipTime.Seconds()) {
		return nil, &wav.Error{At: r.At(), Text: fmt.Sprintf("%d s are too long, %v are the most", n, clipTime)}
	}
	return r, nil
}
