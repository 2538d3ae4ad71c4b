// Package history keeps what became of calls: a record each, in an SQLite database, for lists and reports.
//
// [Store.Add] never waits: records are queued and written in batches by one goroutine, the only writer. What the disk
// refuses goes into a spill file beside the database and from there into the database once it can be written again. [Store.Close]
// writes all that is queued.
package history
