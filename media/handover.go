package media

import (
	"fmt"

	"ringdown/callstate"
)

// handOver has another back end take a leg's socket over while packets flow: none is lost and none overtakes another, and
// what the phone hears goes on in the same stream. It waits for the packet of the leg that is being worked on, so it must not
// be called while one is, from Post, say. When it fails, all is as before. The other back end must not be closed before the
// engine is.
func (e *Engine) handOver(id callstate.LegID, to forwarder) error {
	e.handing.Lock()
	defer e.handing.Unlock()
	l := e.find(id)
	if l == nil {
		return fmt.Errorf("media: there is no leg %s", id)
	}
	was := l.socket()
	f, err := was.leave()
	if err != nil {
		return fmt.Errorf("media: leg %s cannot leave its back end: %w", id, err)
	}
	defer f.Close()
	conn, err := to.adopt(f)
	if err == nil {
		if err = conn.start(l); err != nil {
			conn.Close()
		}
	}
	if err == nil {
		l.out.useInstead(conn)
		return nil
	}
	// If the leg is being closed, this fails, and that is right.
	if again := was.start(l); again != nil {
		err = fmt.Errorf("%w; nor can it go back: %w", err, again)
	}
	return fmt.Errorf("media: leg %s cannot go to %s: %w", id, to.way(), err)
}

// socket is what the leg has now.
func (l *leg) socket() socket {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	return l.out.conn
}

// useInstead sends through another socket from now on, which is bound to the same port, and closes the one before; or it
// closes the new one, when the leg has been closed meanwhile.
func (o *outbound) useInstead(conn socket) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		conn.Close()
		return
	}
	was := o.conn
	o.conn = conn
	was.flush() // before the next packet goes out
	refused := was.Refused()
	o.counts.Sent, o.counts.SendErrors = o.counts.Sent-refused, o.counts.SendErrors+refused
	was.Close()
}
