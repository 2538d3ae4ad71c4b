//go:build race

package history

func init() { many = 4000 } // SQLite is ten times slower when it is watched
