package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	batchSize = 500                    // records of one transaction
	batchTime = 500 * time.Millisecond // how long a record waits for others
	pauseRows = 16                     // records of a transaction, some 0.4 ms, between two pauses
	pauseTime = 100 * time.Microsecond // see commit
	maxQueue  = 10_000                 // records that wait for the writer
	inMemory  = 10_000                 // records that are kept without a file, the newest
	maxText   = 512                    // bytes of one text of a record
	maxSpill  = 256 << 20              // bytes of the spill file, about a million records
	busyTime  = 2 * time.Second        // how long another process may hold the database
	retryTime = 5 * time.Second        // between two attempts at a database that refused
	pruneTime = time.Hour              // between two looks for records that are too old
	closeTime = 10 * time.Second       // how long Close waits for the disk
	flushTime = 2 * time.Second        // how long a search waits for what is queued
	findTime  = 10 * time.Second       // the longest that a search takes
)

// Config says where records are kept.
type Config struct {
	File string        // the database; empty: in memory only, the newest 10,000
	Keep time.Duration // records of calls that began longer ago are deleted; 0: none are
	Log  *slog.Logger  // nil: no log
}

// Store keeps records. Safe for concurrent use.
type Store struct {
	file  string // absolute; empty: in memory
	keep  time.Duration
	log   *slog.Logger
	busy  time.Duration
	retry time.Duration
	spill *spill
	lock  *os.File // FILE.lock; nil in memory

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	done    chan struct{} // the writer has ended
	wake    chan struct{} // there is something to write
	flushes chan chan struct{}

	mu     sync.Mutex
	queue  []entry
	inHand bool // the writer has a batch of the queue in hand
	closed bool
	lost   int // records since the log last said so
	gone   int // records that were lost, all told

	// Of the writer alone.
	db    *sql.DB
	made  os.FileInfo // the file that db has open
	ill   bool        // the database refuses; records go to the spill
	stuck bool        // the spill refuses as well; records wait in the queue
	again time.Time   // when it is tried again
	prune time.Time   // when old records are looked for
	hurry time.Time   // from when on all is spilled, for the store closes; zero until then

	readers sync.RWMutex
	reader  *sql.DB // nil while there is no database
}

// entry is a record on its way, with the key that tells it from all others.
type entry struct {
	Key string
	Record
}

// Open opens the database, makes it when there is none, and takes in what an earlier run has spilled. The error names
// the file: it is no database, another program's, or of a newer version of ringdown, or it can be neither opened nor
// made. A database that is only locked or full does not stop it: records are spilled until it is free.
func Open(c Config) (*Store, error) {
	return open(c, busyTime, retryTime)
}

func open(c Config, busy, retry time.Duration) (*Store, error) {
	s := &Store{
		keep: c.Keep, log: c.Log, busy: busy, retry: retry,
		done: make(chan struct{}), wake: make(chan struct{}, 1), flushes: make(chan chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if c.Keep < 0 {
		return nil, fmt.Errorf("history: Keep %v is negative", c.Keep)
	}
	if c.File != "" {
		file, err := filepath.Abs(c.File)
		if err != nil {
			return nil, fmt.Errorf("history: file %q: %w", c.File, err)
		}
		s.file, s.spill = file, &spill{file: file + ".spill"}
	}
	failed := s.connect()
	if failed != nil && (s.file == "" || !passing(failed)) {
		return nil, fmt.Errorf("history: file %q: %w", c.File, failed)
	}
	if s.file != "" {
		var err error
		if s.lock, err = occupy(s.file); err != nil {
			s.disconnect()
			return nil, fmt.Errorf("history: file %q: %w", c.File, err)
		}
	}
	if failed != nil {
		s.sicken(failed)
	} else {
		s.replay()
	}
	go s.run()
	return s, nil
}

// Add queues a record. It never waits. After Close it does nothing.
func (s *Store) Add(r Record) {
	e := entry{newKey(r), clean(r)}
	s.mu.Lock()
	full := len(s.queue) >= maxQueue
	switch {
	case s.closed:
		s.mu.Unlock()
		return
	case full:
		s.lost++
		s.gone++
	default:
		s.queue = append(s.queue, e)
	}
	first := full && s.lost == 1
	s.mu.Unlock()
	if first {
		s.log.Error("call history: the disk is too slow, records are lost", "file", s.file, "queue", maxQueue)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close writes all that is queued, to the spill file if need be, and closes the database. The error tells what was lost
// since Open, or that the disk did not answer within ten seconds.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	select {
	case <-s.done:
	case <-time.After(closeTime):
		return fmt.Errorf("history: file %q: the disk does not answer", s.file)
	}
	if s.lock != nil {
		s.lock.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone > 0 {
		return fmt.Errorf("history: file %q: %d records of calls were lost", s.file, s.gone)
	}
	return nil
}

// newKey is unique to one record: start, call and a random part.
func newKey(r Record) string {
	return strconv.FormatInt(r.Start.UnixNano(), 36) + "-" + clip(r.CallID) + "-" + rand.Text()[:13]
}

// clean bounds the texts of a record and makes them what both JSON and SQLite give back as they were.
func clean(r Record) Record {
	for _, text := range []*string{&r.CallID, &r.Direction, &r.Source, &r.Destination, &r.State, &r.Dialed, &r.CallerID, &r.Type} {
		*text = clip(*text)
	}
	return r
}

func clip(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	n := maxText
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

var errGone = errors.New("the file was removed or replaced")
