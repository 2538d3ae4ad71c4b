package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// eventsConfig turns the P-Series API on, which tells of each call.
const eventsConfig = "yeastar: {listen: \"127.0.0.1:0\", applications: [{client_id: " + apiUser + ", client_secret: " + apiPassword + "}]}\n"

// subscriber reads the events of a switch. It is cut off by the switch when it does not keep up, which close tells.
type subscriber struct {
	conn   *websocket.Conn
	cancel context.CancelFunc
	done   sync.WaitGroup
	events int // valid after close
	bytes  int // of them
	err    error
}

// subscribe opens a WebSocket for all events of calls, and reads it.
func subscribe(ctx context.Context, t *target) (*subscriber, error) {
	return subscribeEach(ctx, t, func([]byte, time.Time) {})
}

// dialEvents opens a WebSocket for all events of calls.
func dialEvents(ctx context.Context, t *target, client *http.Client) (*websocket.Conn, error) {
	app, err := newPSeries(ctx, t.openAPI, apiUser, apiPassword)
	if err != nil {
		return nil, err
	}
	app.close()
	conn, _, err := websocket.Dial(ctx, t.openAPI+"/subscribe?access_token="+app.token, &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"topic_list":[30008,30011,30012,30013]}`)); err != nil {
		conn.CloseNow()
		return nil, err
	}
	return conn, nil
}

// subscribeEach is subscribe with somebody who is told of each event, and when it came.
func subscribeEach(ctx context.Context, t *target, each func(text []byte, at time.Time)) (*subscriber, error) {
	conn, err := dialEvents(ctx, t, nil)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithCancel(ctx)
	s := &subscriber{conn: conn, cancel: cancel}
	s.done.Go(func() {
		for s.err == nil {
			var b []byte
			if _, b, s.err = conn.Read(reading); s.err == nil && len(b) > 0 {
				s.events++
				s.bytes += len(b)
				each(b, time.Now())
			}
		}
	})
	// The switch ends a connection that says nothing for a minute.
	s.done.Go(func() {
		for beat := time.NewTicker(20 * time.Second); ; {
			select {
			case <-reading.Done():
				beat.Stop()
				return
			case <-beat.C:
				conn.Write(reading, websocket.MessageText, []byte("heartbeat"))
			}
		}
	})
	return s, nil
}

// close ends the subscription. It is an error when the switch had ended it, or told nothing.
func (s *subscriber) close() error {
	s.cancel()
	s.done.Wait()
	s.conn.CloseNow()
	switch {
	case !errors.Is(s.err, context.Canceled):
		return fmt.Errorf("the events ended: %w", s.err)
	case s.events == 0:
		return errors.New("no event was told")
	}
	return nil
}
