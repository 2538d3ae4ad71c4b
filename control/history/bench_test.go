package history

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkRecord is a record on its way to the database, in batches as they come at 1000 calls per second.
func BenchmarkRecord(b *testing.B) {
	for _, where := range []string{"memory", "file"} {
		b.Run(where, func(b *testing.B) {
			c := Config{}
			if where == "file" {
				c.File = filepath.Join(b.TempDir(), "history.db")
			}
			s, err := Open(c)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			n, start := 0, time.Unix(1_700_000_000, 0)
			b.ReportAllocs()
			for b.Loop() {
				s.Add(Record{CallID: fmt.Sprintf("%06x", n*7919%0xffffff), Start: start.Add(time.Duration(n) * time.Millisecond), Direction: "Inbound",
					Source: fmt.Sprint(49301000000 + n*31%100_000), Destination: fmt.Sprint(2000 + n%50), State: "CallCompleted",
					Dialed: fmt.Sprint(49302000000 + n%50), CallerID: "Alice", Type: "Audio", Ring: time.Second, Talk: time.Minute})
				if n++; n%int(1000*batchTime/time.Second) == 0 {
					if err := s.flush(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
