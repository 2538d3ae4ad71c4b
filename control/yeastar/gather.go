package yeastar

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// The events of one moment leave in one write: a system call costs more than to make one of them.
const (
	gatherTime = time.Millisecond // between two writes; a lone event waits for nothing
	gatherMost = 64               // events
)

// gatherer is a ResponseWriter whose hijacked connection can hold back what is written to it.
type gatherer struct {
	http.ResponseWriter
	conn *gathered
}

// gathered is a connection that writes at once, or, from hold on, when release is called.
type gathered struct {
	net.Conn
	mu   sync.Mutex
	held bool
	buf  []byte
}

// Hijack implements http.Hijacker.
func (g *gatherer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	g.conn = &gathered{Conn: conn}
	rw.Writer.Reset(g.conn)
	return g.conn, rw, nil
}

func (c *gathered) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		c.buf = append(c.buf, p...)
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *gathered) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = true
}

// release writes what was held back, within the time, or that of hurry once ctx has ended.
func (c *gathered) release(ctx context.Context, within time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = false
	c.Conn.SetWriteDeadline(time.Now().Add(within))
	if ctx.Err() != nil {
		c.hurry() // again: its deadline may just have been replaced
	}
	_, err := c.Conn.Write(c.buf)
	c.Conn.SetWriteDeadline(time.Time{})
	c.buf = c.buf[:0]
	return err
}

// hurry gives a write that runs little more time. A peer that reads at all can still be told why the connection ends.
func (c *gathered) hurry() { c.Conn.SetWriteDeadline(time.Now().Add(closeTime)) }
