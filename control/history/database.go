package history

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// schema is what leads from each version to the next; PRAGMA user_version tells how many of them a database has seen.
//
// The collation of the texts makes a filter blind to the case of A to Z; search is all of them in lower case, for the free
// search. An index ends with the rowid, so that these sort as well.
var schema = []string{`
CREATE TABLE calls (
	id          INTEGER PRIMARY KEY,
	key         TEXT    NOT NULL UNIQUE,
	start       INTEGER NOT NULL, -- microseconds since 1970
	call_id     TEXT    NOT NULL,
	direction   TEXT    NOT NULL COLLATE NOCASE,
	source      TEXT    NOT NULL COLLATE NOCASE,
	destination TEXT    NOT NULL COLLATE NOCASE,
	state       TEXT    NOT NULL COLLATE NOCASE,
	dialed      TEXT    NOT NULL COLLATE NOCASE,
	caller_id   TEXT    NOT NULL COLLATE NOCASE,
	type        TEXT    NOT NULL COLLATE NOCASE,
	ring        INTEGER NOT NULL, -- nanoseconds
	talk        INTEGER NOT NULL, -- nanoseconds
	search      TEXT    NOT NULL
) STRICT;
CREATE INDEX calls_start       ON calls (start);
CREATE INDEX calls_call_id     ON calls (call_id);
CREATE INDEX calls_source      ON calls (source, start);
CREATE INDEX calls_destination ON calls (destination, start);
`}

const insert = `INSERT INTO calls (key, start, call_id, direction, source, destination, state, dialed, caller_id, type, ring, talk, search)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`

// passing tells whether a database that gave this error may well be fine later.
func passing(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_NOMEM:
		return true
	}
	return false
}

// connect opens the database for writing and for reading, and brings it to the newest schema.
func (s *Store) connect() (err error) {
	if s.file != "" {
		// SQLite gives the files beside it the same rights.
		f, err := os.OpenFile(s.file, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if s.made, err = f.Stat(); err != nil {
			f.Close()
			return err
		}
		if f.Close(); !s.made.Mode().IsRegular() {
			return errors.New("not a file")
		}
	}
	db, err := sql.Open("sqlite", s.source("_txlock=immediate"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if err := migrate(db); err != nil {
		db.Close()
		return explain(err)
	}
	reader := db // a database in memory is that of one connection
	if s.file != "" {
		if reader, err = sql.Open("sqlite", s.source("_pragma=query_only(1)")); err != nil {
			db.Close()
			return err
		}
		reader.SetMaxOpenConns(4)
		reader.SetMaxIdleConns(1)
	}
	s.db = db
	s.readers.Lock()
	s.reader = reader
	s.readers.Unlock()
	return nil
}

// source is the data source name for a connection.
func (s *Store) source(more string) string {
	query := "_pragma=busy_timeout(" + strconv.FormatInt(s.busy.Milliseconds(), 10) + ")&" + more
	if s.file == "" {
		return "file::memory:?" + query
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: s.file, RawQuery: query}).String()
}

// explain puts into words what SQLite says of a file that is no database.
func explain(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == lib.SQLITE_NOTADB {
		return errors.New("not an SQLite database")
	}
	return err
}

// migrate brings db to the newest schema. It changes nothing in a database that it does not know.
func migrate(db *sql.DB) error {
	var version, tables int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	switch {
	case version > len(schema):
		return fmt.Errorf("its schema has version %d, this ringdown knows versions up to %d", version, len(schema))
	case version < 0 || version == 0 && tables > 0:
		return errors.New("a database of another program")
	}
	// FULL: a commit is on the disk. There are few, for records are written in batches.
	if _, err := db.Exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	for ; version < len(schema); version++ {
		tx, err := db.Begin()
		if err != nil {
			return err
		}
		if _, err = tx.Exec(schema[version] + fmt.Sprintf("PRAGMA user_version = %d", version+1)); err == nil {
			err = tx.Commit()
		}
		if err != nil {
			tx.Rollback()
			return err
		}
	}
	return nil
}

// disconnect closes the database.
func (s *Store) disconnect() {
	s.readers.Lock()
	reader := s.reader
	s.reader = nil
	s.readers.Unlock()
	if reader != nil && reader != s.db {
		reader.Close()
	}
	if s.db != nil {
		s.db.Close()
		s.db = nil
	}
}

// watchFile notices that somebody took the file away: SQLite would go on to write what nobody can open any more.
func (s *Store) watchFile() error {
	if s.file == "" || s.db == nil {
		return nil
	}
	now, err := os.Stat(s.file)
	if errors.Is(err, os.ErrNotExist) || err == nil && !os.SameFile(now, s.made) {
		return errGone
	}
	return err
}

// commit writes a batch in one transaction. Records that are there already stay as they are. It pauses now and then: half
// a second of records is several milliseconds of computing, for which a call's messages would wait where there is one
// processor. To yield (runtime.Gosched) is not enough, since the runtime asks the network only when nobody is ready.
func (s *Store) commit(batch []entry) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	statement, err := tx.Prepare(insert)
	if err != nil {
		return err
	}
	defer statement.Close()
	for i, e := range batch {
		if i%pauseRows == pauseRows-1 {
			time.Sleep(pauseTime)
		}
		if _, err := statement.Exec(e.Key, e.Start.UnixMicro(), e.CallID, e.Direction, e.Source, e.Destination, e.State, e.Dialed,
			e.CallerID, e.Type, int64(e.Ring), int64(e.Talk), e.search()); err != nil {
			return err
		}
	}
	if s.file == "" {
		if _, err := tx.Exec("DELETE FROM calls WHERE id <= (SELECT max(id) FROM calls) - ?", inMemory); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// search is what the free search looks through.
func (r *Record) search() string {
	return strings.ToLower(strings.Join([]string{r.CallID, r.Direction, r.Source, r.Destination, r.State, r.Dialed, r.CallerID, r.Type}, "\n"))
}

// deleteOld deletes the oldest of the records that are too old; more tells that there are others.
func (s *Store) deleteOld() (more bool, err error) {
	if s.keep == 0 {
		return false, nil
	}
	result, err := s.db.Exec("DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE start < ? ORDER BY start LIMIT ?)",
		time.Now().Add(-s.keep).UnixMicro(), batchSize)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == batchSize, err
}
