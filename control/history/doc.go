// Package history keeps what became of calls: a record each, in an SQLite database, for lists and reports.
//
// [Store.Add] never waits: records are queued and written in batches by one goroutine, the only writer. What the disk
// refuses (edge case O12) goes into a spill file beside the database, FILE.spill, a JSON object a line, and from there
// into the database once it can be written again, or at the next start. Each record carries a key of its own, so that
// one that is replayed twice is there once. [Store.Close] writes all that is queued.
//
// A record that is committed or spilled is on the disk. A process that is killed loses what was queued in the last
// [batchTime]; so does a machine that loses power. A record that finds no room anywhere is counted, and the log says so.
//
// A file belongs to one process at a time: Open takes FILE.lock. The package imports the standard library and modernc.org/sqlite only.
//
// Goroutines: the writer, started by [Open] and ended by [Store.Close], and those of package database/sql, which end
// with it.
package history
