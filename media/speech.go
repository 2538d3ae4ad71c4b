package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringdown/callstate"
)

// Speech is text to be spoken. Language and Voice may be empty.
type Speech = struct{ Text, Language, Voice string }

// The bounds of speech.
const (
	maxText   = 2000     // characters
	maxSpeech = 30 << 20 // bytes of WAV
	maxVoice  = 64       // bytes of a language or the name of a voice
)

// Speech returns the clip of a text that the command of LibraryConfig.Speak has spoken: it writes WAV to its output.
//
// {text}, {language} and {voice} in the command's arguments are replaced. An argument that has {language} or {voice} in it when
// there is none is left out, and so is the argument before it if that one begins with - and it does not itself: of
// [speak, -v, {language}, {text}] is left [speak, {text}]. No shell is involved, and a text is never an option. What the command
// cannot speak in a language or voice it speaks without; en-UK is en-GB.
//
// A command that takes longer than 20 s, or writes more than 30 MB, is killed with what it has started.
func (l *Library) Speech(ctx context.Context, s Speech) (callstate.Clip, error) {
	clip, err := l.speech(ctx, s)
	if err != nil {
		return "", fmt.Errorf("speech: %w", err)
	}
	return clip, nil
}

func (l *Library) speech(ctx context.Context, s Speech) (callstate.Clip, error) {
	if len(l.cfg.Speak) == 0 {
		return "", errors.New("no command for it is configured: set ozeki.speak")
	}
	// What is no letter, sign or space is a pause: a NUL cannot be passed on, and others might steer a terminal.
	s.Text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s.Text, " ")))
	switch n := utf8.RuneCountInString(s.Text); {
	case n == 0:
		return "", errors.New("there is no text")
	case n > maxText:
		return "", fmt.Errorf("the text has %d characters, %d are the most", n, maxText)
	}
	s.Language, s.Voice = language(s.Language), nameOf(s.Voice)
	a, _, err := l.find(s, "speech", speakTime, func(ctx context.Context) (loop, error) { return l.speak(ctx, s) })
	if err != nil {
		return "", err
	}
	return a.wait(ctx)
}

// language brings the name of a language into the form that speech programs want.
func language(s string) string {
	s = nameOf(strings.ReplaceAll(strings.ToLower(s), "_", "-"))
	if s == "en-uk" {
		s = "en-gb"
	}
	return s
}

// nameOf is the name of a language or voice, or empty if it can be none.
func nameOf(s string) string {
	s = strings.TrimSpace(s)
	fits := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-+_. ()", r)
	}
	if len(s) > maxVoice || strings.HasPrefix(s, "-") || strings.ContainsFunc(s, func(r rune) bool { return !fits(r) }) {
		return ""
	}
	return s
}

// speak has a text spoken: as it is asked for, or else by whichever voice the command has.
func (l *Library) speak(ctx context.Context, s Speech) (loop, error) {
	made, err := l.spoken(ctx, s)
	if err == nil || ctx.Err() != nil || s.Language == "" && s.Voice == "" || errors.Is(err, errNoProgram) {
		return made, err
	}
	l.cfg.Log.Info("media: cannot speak, trying the default voice", "language", s.Language, "voice", s.Voice, "err", err)
	if s.Language != "" && s.Voice != "" { // the language counts for more
		if made, err := l.spoken(ctx, Speech{Text: s.Text, Language: s.Language}); err == nil {
			return made, nil
		}
	}
	return l.spoken(ctx, Speech{Text: s.Text})
}

func (l *Library) spoken(ctx context.Context, s Speech) (loop, error) {
	if ctx.Err() != nil {
		return loop{}, context.Cause(ctx)
	}
	args := arguments(l.cfg.Speak, s)
	b, err := output(ctx, args)
	if err != nil {
		return loop{}, err
	}
	r, err := readWAV(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return loop{}, fmt.Errorf("%s wrote no usable WAV: %w", args[0], err)
	}
	return render(ctx, r)
}

// arguments fills in a command. See Speech.
func arguments(command []string, s Speech) []string {
	text := s.Text
	if strings.HasPrefix(text, "-") {
		text = " " + text // else it would be an option
	}
	fill := strings.NewReplacer("{text}", text, "{language}", s.Language, "{voice}", s.Voice)
	var args []string
	for i, arg := range command {
		if s.Language == "" && strings.Contains(arg, "{language}") || s.Voice == "" && strings.Contains(arg, "{voice}") {
			if n := len(args); i > 0 && n > 1 && !strings.HasPrefix(arg, "-") && strings.HasPrefix(command[i-1], "-") {
				args = args[:n-1]
			}
			continue
		}
		args = append(args, fill.Replace(arg))
	}
	return args
}

// errNoProgram says that the command cannot even be started.
var errNoProgram = errors.New("not installed")

// output runs a command and returns what it writes.
func output(ctx context.Context, args []string) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	out := &bounded{most: maxSpeech, full: func() { cancel(fmt.Errorf("it wrote more than %d MB", maxSpeech>>20)) }}
	words := &bounded{most: 500, full: func() {}}
	c.Stdout, c.Stderr = out, words
	c.WaitDelay = time.Second // for whoever still holds its output
	killGroup(c)
	err := c.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is %w: apt-get install %s, or name another command in ozeki.speak", args[0], errNoProgram, args[0])
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s was ended: %w", args[0], context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("%s failed: %w%s", args[0], err, words.said())
	case out.Len() == 0:
		return nil, fmt.Errorf("%s wrote nothing%s", args[0], words.said())
	}
	return out.Bytes(), nil
}

// bounded is what a command writes, up to a bound. What is more is not kept, and full is told.
type bounded struct {
	bytes.Buffer
	most int
	full func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.Len(); len(p) > room {
		b.Buffer.Write(p[:room])
		b.full()
		return len(p), nil
	}
	return b.Buffer.Write(p)
}

// ReadFrom hides that of the buffer, which has no bound.
func (b *bounded) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

// said is the first line of what a command complained, if there is any.
func (b *bounded) said() string {
	line, _, _ := strings.Cut(strings.TrimSpace(b.String()), "\n")
	if line == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(line, "?")
}
