package media

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"ringdown/callstate"
)

// The bounds of a Library.
const (
	clipTime  = 10 * time.Minute // the longest clip
	roomBytes = 256 << 20        // of all clips that are kept; 10 minutes take 29 MB
	keepTime  = time.Minute      // a clip that was given out stays for so long, so that it can be played
	maxAtOnce = 3                // files that are read, and speech commands that run
	maxJobs   = 100              // those and the ones that wait
	readTime  = time.Minute      // for a file
	speakTime = 20 * time.Second // for a speech command
)

// LibraryConfig is what a Library needs. The zero value of a field means its default.
type LibraryConfig struct {
	Folder string       // the media folder; default: none, and files cannot be played
	Speak  []string     // a command that writes WAV to its output; default: none, and nothing can be spoken. See Speech
	Log    *slog.Logger // default: nothing is logged
}

// Library makes clips: audio that PlayClip can play, in all codecs that can be made. Its methods may be called by many
// goroutines; each blocks its caller, at most until ctx ends, and nobody else. Those who want the same at the same time get
// one clip, which is made once.
//
// A clip stays while it plays, and for a minute after it was given out; then it may have to make room for others. What a
// file holds is looked up anew each time: a changed file is another clip.
//
// Each clip that is being made has a goroutine, which ends with it, and Close waits for.
type Library struct {
	cfg   LibraryConfig
	ctx   context.Context
	stop  context.CancelFunc
	wg    sync.WaitGroup
	slots chan struct{}

	mu     sync.Mutex // taken under outbound.mu; nothing is taken within
	closed bool
	room   int64 // bytes
	bytes  int64
	jobs   int
	serial int
	known  map[any]*audio // by what it was made from: also those that are being made
	clips  map[callstate.Clip]*audio
	order  *list.List // of clips, the last used ones first
}

// audio is one clip.
type audio struct {
	l    *Library
	clip callstate.Clip
	what any // what it was made from
	loop     // does not change once ready
	size int64

	ready chan struct{} // closed once loop or err is there
	err   error

	// Under Library.mu:
	plays int
	given time.Time // for the last time
	place *list.Element
}

// NewLibrary makes a library; Close ends it.
func NewLibrary(cfg LibraryConfig) *Library {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &Library{cfg: cfg, slots: make(chan struct{}, maxAtOnce), room: roomBytes, known: map[any]*audio{},
		clips: map[callstate.Clip]*audio{}, order: list.New()}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// errClosed is what those get who still wait when a library ends.
var errClosed = errors.New("the switch stops")

// Close ends what is being made, and waits for it. What plays, plays on.
func (l *Library) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop()
	l.wg.Wait()
}

// Playing is how many legs a clip plays to.
func (l *Library) Playing() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.clips {
		n += a.plays
	}
	return n
}

// find returns the clip that is made from something, and begins to make it when there is none. name is what its id begins
// with. begun tells that work will be called, once, with a context that ends after so long.
func (l *Library) find(what any, name string, long time.Duration, work func(context.Context) (loop, error)) (a *audio, begun bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.known[what]; a != nil {
		if a.place != nil {
			a.given = time.Now()
			l.order.MoveToFront(a.place)
		}
		return a, false, nil
	}
	switch {
	case l.closed:
		return nil, false, errClosed
	case l.jobs == maxJobs:
		return nil, false, fmt.Errorf("%d clips are being made or wait for it already", l.jobs)
	}
	l.jobs++
	l.serial++
	a = &audio{l: l, clip: callstate.Clip(fmt.Sprintf("%s#%d", name, l.serial)), what: what, ready: make(chan struct{})}
	l.known[what] = a
	l.wg.Go(func() { l.finish(a, long, work) })
	return a, true, nil
}

// finish makes a clip.
func (l *Library) finish(a *audio, long time.Duration, work func(context.Context) (loop, error)) {
	made, err := l.work(long, work)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs--
	if err == nil {
		a.loop, a.size = made, made.bytes()
		err = l.makeRoom(a.size)
	}
	if err == nil {
		l.bytes += a.size
		a.given, a.place = time.Now(), l.order.PushFront(a)
		l.clips[a.clip] = a
	} else {
		a.loop, a.err = loop{}, err
		delete(l.known, a.what)
	}
	close(a.ready)
}

// work does it when there is a place among those that run.
func (l *Library) work(long time.Duration, work func(context.Context) (loop, error)) (made loop, err error) {
	ctx := l.ctx
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		work(ctx) // lets go of what it holds
		return loop{}, errClosed
	}
	ctx, cancel := context.WithTimeoutCause(ctx, long, fmt.Errorf("it takes longer than %v", long))
	defer cancel()
	made, err = work(ctx)
	if err != nil && l.ctx.Err() != nil {
		err = errClosed
	}
	return made, err
}

// makeRoom forgets clips until there is room for another one. Called with mu held.
func (l *Library) makeRoom(size int64) error {
	now := time.Now()
	for e := l.order.Back(); e != nil && l.bytes+size > l.room; {
		a := e.Value.(*audio)
		e = e.Prev()
		if a.plays == 0 && now.Sub(a.given) >= keepTime {
			l.order.Remove(a.place)
			delete(l.known, a.what)
			delete(l.clips, a.clip)
			l.bytes -= a.size
		}
	}
	if l.bytes+size > l.room {
		return fmt.Errorf("the audio that is in use takes up %d of %d MB: there is no room for %d more", l.bytes>>20, l.room>>20,
			(size+1<<20-1)>>20)
	}
	return nil
}

// wait returns the clip once it is ready.
func (a *audio) wait(ctx context.Context) (callstate.Clip, error) {
	select {
	case <-a.ready:
	default:
		select {
		case <-a.ready:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	if a.err != nil {
		return "", a.err
	}
	return a.clip, nil
}

// take returns a clip to be played; nil when there is none. Each one is to be released.
func (l *Library) take(c callstate.Clip) *audio {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.clips[c]
	if a != nil {
		a.plays++
		l.order.MoveToFront(a.place)
	}
	return a
}

func (a *audio) release() {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.plays--
}

// bytes is what a loop takes up.
func (l loop) bytes() int64 { return int64(len(l.law[0]) + len(l.law[1]) + 2*len(l.wide)) }
