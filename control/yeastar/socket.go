package yeastar

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

const (
	maxSockets   = 100
	maxFrame     = 4 << 10 // bytes of what a client may send at once
	maxTopics    = 100
	socketQueue  = 1024
	idleTime     = time.Minute // spec yeastar-p 6.1
	writeTimeout = 10 * time.Second
	closeTime    = time.Second // for a client to answer that the connection is being closed
)

// Why a client is cut off, whatever it does.
var (
	errSlow     = errors.New("events came faster than they were read; connect again and ask call/query")
	errStopping = errors.New("the server is stopping")
)

// subscribe is GET subscribe (spec yeastar-p 6.1): a WebSocket for events. It returns nil when the connection has been
// one and is over; else the refusal and its HTTP status, which is what WebSocket clients look at.
func (a *API) subscribe(t *turn) (int, *answer) {
	switch {
	case t.r.Method != http.MethodGet || !hasToken(t.r.Header, "Connection", "upgrade") || !hasToken(t.r.Header, "Upgrade", "websocket"):
		return http.StatusUpgradeRequired, answerOf(codeParameter, "no WebSocket handshake")
	case a.RequireUserAgent && t.r.UserAgent() == "":
		return http.StatusBadRequest, answerOf(codeParameter, "no User-Agent")
	case !a.identify(t):
		return http.StatusUnauthorized, answerOf(codeToken, "")
	}
	if a.sockets.Add(1) > maxSockets {
		a.sockets.Add(-1)
		return http.StatusServiceUnavailable, answerOf(codeMax, "too many WebSocket connections")
	}
	defer a.sockets.Add(-1)
	s := &socket{api: a, grant: t.grant, start: time.Now()}
	w := &gatherer{ResponseWriter: t.w}
	conn, err := websocket.Accept(w, t.r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the token is the proof; no cookie could be misused by another site
		OnPingReceived:     func(context.Context, []byte) bool { s.heard(); return true },
	})
	if err != nil {
		return 0, nil // Accept has answered
	}
	s.conn, s.wire = conn, w.conn
	why := s.serve()
	a.Log.Info("yeastar websocket closed", "application", t.app, "remote", t.r.RemoteAddr, "reason", why)
	return 0, nil
}

// socket is one WebSocket connection. One goroutine reads, one writes and decides about the end.
type socket struct {
	api    *API
	grant  *issued
	conn   *websocket.Conn
	wire   *gathered // under conn
	events *subscriber
	start  time.Time
	last   atomic.Int64 // when anything went over the wire, since start
}

func (s *socket) heard() { s.last.Store(int64(time.Since(s.start))) }

// serve runs until the connection ends, and tells why it did.
func (s *socket) serve() string {
	ctx, cancel := context.WithCancelCause(s.api.running)
	defer cancel(nil)
	defer context.AfterFunc(ctx, s.wire.hurry)()
	s.conn.SetReadLimit(maxFrame)
	s.events = &subscriber{queue: make(chan []byte, socketQueue), full: func() { cancel(errSlow) }}
	s.api.hub.join(s.events)
	defer s.api.hub.leave(s.events)
	var writing sync.WaitGroup
	gone := make(chan struct{})
	var why string
	reading, hangUp := context.WithCancel(context.WithoutCancel(ctx)) // to end a read ends the connection
	defer hangUp()
	writing.Go(func() { why = s.write(ctx, gone, hangUp) })
	s.read(reading)
	close(gone)
	writing.Wait()
	s.conn.CloseNow()
	return why
}

// write sends what is queued until something ends the connection.
func (s *socket) write(ctx context.Context, gone <-chan struct{}, hangUp func()) (why string) {
	end := func(code websocket.StatusCode, why string) string {
		defer time.AfterFunc(closeTime, hangUp).Stop()
		s.conn.Close(code, why)
		return why
	}
	idle := time.NewTimer(idleTime)
	defer idle.Stop()
	expiry := time.NewTimer(time.Until(s.grant.accessEnd))
	defer expiry.Stop()
	var sent time.Time
	for {
		select {
		case <-gone:
			return "the client left"
		case <-ctx.Done():
			return end(farewell(ctx))
		case <-s.grant.dead:
			return end(websocket.StatusPolicyViolation, "the token was revoked")
		case <-expiry.C:
			return end(websocket.StatusPolicyViolation, "the token expired")
		case <-idle.C:
			left := idleTime - (time.Since(s.start) - time.Duration(s.last.Load()))
			if left <= 0 {
				return end(websocket.StatusPolicyViolation, "60 s without any traffic")
			}
			idle.Reset(left)
		case text := <-s.events.queue:
			time.Sleep(time.Until(sent.Add(gatherTime)))
			if ctx.Err() != nil {
				return end(farewell(ctx))
			}
			err := s.send(ctx, text)
			if sent = time.Now(); err != nil {
				s.conn.CloseNow()
				return err.Error()
			}
		}
	}
}

// farewell is how a client is told why ctx has ended.
func farewell(ctx context.Context) (websocket.StatusCode, string) {
	why := context.Cause(ctx)
	if why == errStopping {
		return websocket.StatusGoingAway, why.Error()
	}
	return websocket.StatusTryAgainLater, why.Error()
}

// send writes an event, and those that wait behind it, in one go. Only the last step waits for the client.
func (s *socket) send(ctx context.Context, text []byte) error {
	s.wire.hold()
	err := s.conn.Write(context.Background(), websocket.MessageText, text)
	for n := 1; err == nil && n < gatherMost; n++ {
		select {
		case text := <-s.events.queue:
			err = s.conn.Write(context.Background(), websocket.MessageText, text)
			continue
		default:
		}
		break
	}
	if e := s.wire.release(ctx, writeTimeout); err == nil {
		err = e
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return errors.New("the connection broke")
	}
	s.heard()
	return nil
}

// read takes what the client sends until the connection ends.
func (s *socket) read(ctx context.Context) {
	for {
		kind, text, err := s.conn.Read(ctx)
		if err != nil {
			return
		}
		s.heard()
		switch topics, fault := topicsOf(text); {
		case kind != websocket.MessageText:
			s.events.put("", marshal(answerOf(codeSyntax, "")))
		case strings.TrimSpace(string(text)) == "heartbeat":
			s.events.put("", []byte("heartbeat response"))
		case fault != codeSuccess:
			s.events.put("", marshal(answerOf(fault, "")))
		default:
			s.api.hub.want(s.events, topics, marshal(success()))
		}
	}
}

// topicsOf reads {"topic_list":[30011,30012]}; a number may come as a text.
func topicsOf(text []byte) ([]int, errcode) {
	var asked struct {
		Topics *[]json.RawMessage `json:"topic_list"`
	}
	if json.Unmarshal(text, &asked) != nil {
		return nil, codeSyntax
	}
	if asked.Topics == nil || len(*asked.Topics) > maxTopics {
		return nil, codeParameter
	}
	topics := make([]int, 0, len(*asked.Topics))
	for _, raw := range *asked.Topics {
		n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
		if err != nil {
			return nil, codeParameter
		}
		topics = append(topics, n)
	}
	return topics, codeSuccess
}

// hasToken tells whether a header lists a word, in any case.
func hasToken(h http.Header, name, word string) bool {
	for _, line := range h.Values(name) {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), word) {
				return true
			}
		}
	}
	return false
}
