package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// users are the numbers that phones register and call: first, first+1, ..., all with one password.
type users struct {
	first, count int
	password     string
}

// part is the k-th of n equal parts.
func (u users) part(k, n int) users {
	return users{u.first + k*(u.count/n), u.count / n, u.password}
}

// number is the i-th number, beginning again at the end.
func (u users) number(i int) string { return fmt.Sprint(u.first + i%u.count) }

// csv writes what sipp's scenarios read: number, credentials, and the i-th number of each of called.
func (u users) csv(dir, name string, called ...users) (string, error) {
	var b strings.Builder
	b.WriteString("SEQUENTIAL\n")
	for i := range u.count {
		fmt.Fprintf(&b, "%s;[authentication username=%[1]s password=%s]", u.number(i), u.password)
		for _, c := range called {
			b.WriteString(";" + c.number(i))
		}
		b.WriteString("\n")
	}
	file := filepath.Join(dir, name+".csv")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}
