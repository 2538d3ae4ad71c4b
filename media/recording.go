package media

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/mix"
	"ringdown/media/internal/tone"
	"ringdown/media/internal/wav"
)

// A recording is made at 8000 Hz: that is what most phones send, and what is said in G.722 is understood all the same, at
// half the size.
const (
	tapeRate  = tone.Rate
	tapeFrame = tone.Frame

	frameTime  = 20 * time.Millisecond
	flushAfter = tapeRate / 2 // samples: what a crash can cost
	maxPending = 4 * tapeRate // samples that wait for the disk
)

// speech is -50 dBm0, the least power of a frame in which somebody speaks, per sample: 3.14 dBm0 is the loudest sine
// (ITU-T G.711 table 1).
const speech = 51 * 51

// recording is one file that is being written. The clock adds up who is heard, frame by frame, and its own goroutine
// brings that to the disk, so that a slow disk delays nobody: what does not fit in between is silence in the file, and
// told when the recording ends.
type recording struct {
	e       *Engine
	id      recordID
	file    string
	limit   int // frames; 0: none
	silence int // frames without speech that end it; 0: none
	start   time.Duration
	wake    chan struct{} // there is something to write, or it is over

	// Under Engine.wire:
	wanted []callstate.LegID
	legs   []*leg
	mute   map[callstate.LegID]string // those that could not be read so far, and their codecs

	mu      sync.Mutex    // taken like that of an outbound: nobody takes Engine.wire or an in.mu within it
	sources []*mix.Source // written under Engine.wire as well
	pending []int16
	gap     int  // frames of silence that follow pending
	stall   bool // the gap began because the clock stood still, not because of the disk
	frames  int  // so far
	quiet   int  // frames since somebody spoke
	lost    int  // frames that are silence because of the disk
	over    bool
	fail    string

	spare []int16 // of the writer: pending and spare take turns
}

func newRecording(e *Engine, c callstate.StartRecord) *recording {
	frames := func(d time.Duration) int { return int((d + frameTime - 1) / frameTime) }
	return &recording{e: e, id: recordID{c.Call, c.Ref}, file: c.File, limit: frames(c.Limit), silence: frames(c.Silence),
		start: e.now(), wake: make(chan struct{}, 1), pending: make([]int16, 0, 2*flushAfter), spare: make([]int16, 0, 2*flushAfter)}
}

// tick records a frame. Where the clock has left out slots, so does what was said in them; the file has silence there, so
// that a time in it stays the time of the call.
func (r *recording) tick(slot uint64, _, now time.Duration) (busy bool) {
	defer r.caught()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	if missed := int((now-r.start)/frameTime) - r.frames - 1; missed > 0 {
		r.pad(missed)
	}
	var sum mix.Sum
	for _, s := range r.sources {
		sum.Add(s.Frame(slot, tapeRate, now))
	}
	var frame [tapeFrame]int16
	sum.Cut(frame[:])
	if r.gap > 0 || len(r.pending)+tapeFrame > maxPending {
		if r.gap++; !r.stall {
			r.lost++
		}
	} else {
		r.pending = append(r.pending, frame[:]...)
	}
	r.frames++
	r.quiet++
	if r.silence > 0 && loudness(frame[:]) >= speech {
		r.quiet = 0
	}
	if r.limit > 0 && r.frames >= r.limit || r.silence > 0 && r.quiet >= r.silence {
		r.over = true
	}
	if r.over || len(r.pending) >= flushAfter {
		r.poke()
	}
	return !r.over
}

// pad adds frames of silence. Called with mu held.
func (r *recording) pad(frames int) {
	if r.limit > 0 {
		frames = min(frames, r.limit-r.frames-1)
	}
	n := frames
	for ; n > 0 && r.gap == 0 && len(r.pending)+tapeFrame <= maxPending; n-- {
		var frame [tapeFrame]int16
		r.pending = append(r.pending, frame[:]...)
	}
	if n > 0 {
		r.stall = r.stall || r.gap == 0
		r.gap += n
		r.poke()
	}
	r.frames += frames
	r.quiet += frames
}

// loudness is the power per sample of what swings: some phones send a constant beside it.
func loudness(frame []int16) int {
	var sum, squares int
	for _, s := range frame {
		sum += int(s)
		squares += int(s) * int(s)
	}
	return (squares - sum*sum/len(frame)) / len(frame)
}

// end ends a recording, because something fails or, if fail is "", because it was asked for.
func (r *recording) end(fail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.over, r.fail = true, fail
	}
	r.poke()
}

func (r *recording) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// caught lets a panic cost one recording, not the clock.
func (r *recording) caught() {
	if p := recover(); p != nil {
		r.e.cfg.Log.Error("media: panic", "file", r.file, "doing", "recording", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		r.end("internal error")
	}
}

// write is the recording's goroutine.
func (r *recording) write() {
	f, err := r.e.create(r.file)
	if err == nil {
		var w *wav.Writer
		if w, err = wav.NewWriter(f, tapeRate); err == nil {
			r.post(callstate.RecordStarted{ID: r.id.call, Ref: r.id.ref})
			r.run(f, w)
			return
		}
		f.Discard()
		err = reason(err)
	}
	r.end("")
	r.detach()
	r.e.cfg.Log.Warn("media: cannot record", "call", r.id.call, "file", r.file, "reason", err.Error())
	r.post(callstate.RecordStarted{ID: r.id.call, Ref: r.id.ref, Fail: err.Error()})
}

// run brings what was recorded to the disk until it is over, and tells of that.
func (r *recording) run(f tapeFile, w *wav.Writer) {
	for over := false; !over; {
		<-r.wake // of the clock, a command or Close
		var pcm []int16
		var gap int
		pcm, gap, over = r.taken()
		if err := add(w, pcm, gap); err != nil {
			r.end("the file cannot be written: " + reason(err).Error())
			break
		}
	}
	mute := r.detach()
	err := errors.Join(f.Sync(), f.Close())
	r.mu.Lock()
	fail, lost := r.fail, r.lost
	r.mu.Unlock()
	switch {
	case fail != "":
	case err != nil:
		fail = "the file cannot be written: " + reason(err).Error()
	case lost > 0:
		fail = fmt.Sprintf("%s of it are silence: the disk was too slow", time.Duration(lost)*frameTime)
	case mute != "":
		fail = mute
	}
	long := time.Duration(w.Len()) * time.Second / tapeRate
	r.e.cfg.Log.Info("media: recorded", "call", r.id.call, "file", r.file, "long", long.String(), "fail", fail)
	r.post(callstate.RecordEnded{ID: r.id.call, Ref: r.id.ref, Long: long, Fail: fail})
	r.e.cfg.Recorded(r.file, long, fail)
}

// taken takes what there is to write.
func (r *recording) taken() (pcm []int16, gap int, over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pcm, gap = r.pending, r.gap
	r.pending, r.spare, r.gap = r.spare[:0], r.pending, 0
	r.stall = false
	return pcm, gap, r.over
}

// add writes samples, and frames of silence after them.
func add(w *wav.Writer, pcm []int16, gap int) error {
	if err := w.Write(pcm); err != nil {
		return err
	}
	var silence [tapeRate]int16
	for left := gap * tapeFrame; left > 0; {
		n := min(left, len(silence))
		if err := w.Write(silence[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (r *recording) post(ev callstate.Event) {
	if !r.e.ended.Load() {
		r.e.cfg.Post(ev)
	}
}
