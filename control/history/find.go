package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

const defaultRows = 20

// Find returns one page of the records that match f, and how many match in all. Find waits
// two seconds for what was added before to be written, and so it is found unless the disk refuses. It ends with ctx, and
// after ten seconds.
func (s *Store) Find(ctx context.Context, f Filter) (page []Record, total int, err error) {
	if f.Page < 0 || f.Rows < 0 {
		return nil, 0, fmt.Errorf("history: page %d of %d rows", f.Page, f.Rows)
	}
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	brief, enough := context.WithTimeout(ctx, flushTime)
	s.flush(brief)
	enough()
	if err := ctx.Err(); err != nil {
		return nil, 0, fmt.Errorf("history: %w", err)
	}
	s.readers.RLock()
	defer s.readers.RUnlock()
	if s.reader == nil {
		return nil, 0, errors.New("history: the database is not open")
	}
	// One transaction, so that count and page are of one moment.
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, fmt.Errorf("history: %w", err)
	}
	defer tx.Rollback()
	if page, total, err = find(ctx, tx, f); err != nil {
		return nil, 0, fmt.Errorf("history: %w", err)
	}
	return page, total, nil
}

// flush has the writer write what is queued, and waits for it until ctx ends.
func (s *Store) flush(ctx context.Context) error {
	s.mu.Lock()
	waiting := len(s.queue) > 0 || s.inHand
	s.mu.Unlock()
	if !waiting {
		return nil
	}
	reply := make(chan struct{})
	select {
	case s.flushes <- reply:
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-reply:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// where is the condition of f and its values, which are cut and cleaned like those of records.
func (f *Filter) where() (text string, values []any) {
	var all []string
	for _, field := range []struct{ column, value string }{
		{"call_id", f.CallID}, {"direction", f.Direction}, {"source", f.Source}, {"destination", f.Destination},
		{"state", f.State}, {"dialed", f.Dialed}, {"caller_id", f.CallerID}, {"type", f.Type},
	} {
		if field.value != "" {
			all, values = append(all, field.column+" = ?"), append(values, clip(field.value))
		}
	}
	if !f.From.IsZero() {
		all, values = append(all, "start >= ?"), append(values, f.From.UnixMicro())
	}
	if f.General != "" {
		all, values = append(all, "instr(search, ?) > 0"), append(values, strings.ToLower(clip(f.General)))
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), values
}

func find(ctx context.Context, tx *sql.Tx, f Filter) (page []Record, total int, err error) {
	where, values := f.where()
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM calls"+where, values...).Scan(&total); err != nil {
		return nil, 0, err
	}
	order := " ORDER BY start DESC, id DESC"
	if f.Oldest {
		order = " ORDER BY start, id"
	}
	if f.Rows == 0 {
		f.Rows = defaultRows
	}
	if f.Page > total/f.Rows { // nor does the offset overflow
		return nil, total, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT start, call_id, direction, source, destination, state, dialed, caller_id, type, ring, talk FROM calls"+
		where+order+" LIMIT ? OFFSET ?", append(values, f.Rows, f.Page*f.Rows)...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var r Record
		var start int64
		if err := rows.Scan(&start, &r.CallID, &r.Direction, &r.Source, &r.Destination, &r.State, &r.Dialed, &r.CallerID, &r.Type,
			&r.Ring, &r.Talk); err != nil {
			return nil, 0, err
		}
		r.Start = time.UnixMicro(start)
		page = append(page, r)
	}
	return page, total, rows.Err()
}
