package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// eventTape is what came over a WebSocket.
type eventTape struct {
	mu    sync.Mutex
	texts []string // since told was asked last
	all   []string
}

// watch opens a WebSocket, subscribes to everything and takes what comes.
func (y *yeastarApp) watch() *eventTape {
	y.Helper()
	conn, _, err := websocket.Dial(y.ctx, "ws://"+y.base+"/openapi/v1.0/subscribe?access_token="+y.token, &websocket.DialOptions{HTTPClient: y.client})
	y.ok(err)
	y.ok(conn.Write(y.ctx, websocket.MessageText, []byte(`{"topic_list":[30007,30008,30011,30012,30013,30014,30015]}`)))
	_, text, err := conn.Read(y.ctx)
	y.ok(err)
	y.same("answer to topic_list", string(text), `{"errcode":0,"errmsg":"SUCCESS"}`)
	tape := &eventTape{}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			_, text, err := conn.Read(context.WithoutCancel(y.ctx))
			if err != nil {
				return
			}
			tape.mu.Lock()
			if !bytes.Equal(text, []byte("heartbeat response")) {
				tape.texts, tape.all = append(tape.texts, string(text)), append(tape.all, string(text))
			}
			tape.mu.Unlock()
		}
	})
	alive, stop := context.WithCancel(context.WithoutCancel(y.ctx))
	reading.Go(func() {
		for beat := time.NewTicker(25 * time.Second); ; {
			select {
			case <-beat.C:
				conn.Write(alive, websocket.MessageText, []byte("heartbeat"))
			case <-alive.Done():
				beat.Stop()
				return
			}
		}
	})
	y.Cleanup(func() { stop(); conn.CloseNow(); reading.Wait() })
	return tape
}

// taken are the events so far, as they came.
func (e *eventTape) taken() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.texts...)
}

// yeastarEvent is an event with its msg.
type yeastarEvent struct {
	Type int    `json:"-"` // msg may have a type of its own
	SN   string `json:"-"`
	yeastarCall
	Extension, Status string
	From              string `json:"call_from"`
	To                string `json:"call_to"`
}

// readEvent reads an event; one that cannot be read has no type.
func readEvent(text string) (e yeastarEvent) {
	var outer struct {
		Type    int
		SN, Msg string
	}
	if json.Unmarshal([]byte(text), &outer) != nil || json.Unmarshal([]byte(outer.Msg), &e) != nil {
		return yeastarEvent{}
	}
	e.Type, e.SN = outer.Type, outer.SN
	return e
}

// said writes an event in short: "30011 2000 ALERT, 2001 RING", "30008 2001 Ringing", "30015 486 Busy here",
// "30012 2000-2001 ANSWERED".
func said(text string) string {
	e := readEvent(text)
	switch e.Type {
	case 0:
		return "not an event: " + text
	case 30008:
		return fmt.Sprintf("30008 %s %s", e.Extension, e.Status)
	case 30012:
		return fmt.Sprintf("30012 %s-%s %s", e.From, e.To, e.Status)
	case 30015:
		return "30015 " + e.Reason
	}
	return fmt.Sprintf("%d %s", e.Type, membersOf(e.yeastarCall))
}

// lastChannel is the last channel id that an event gave a number.
func (e *eventTape) lastChannel(number string) (id string) {
	form := regexp.MustCompile(`PJSIP/` + regexp.QuoteMeta(number) + `-[0-9a-f]{8}`)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, text := range e.all {
		if found := form.FindAllString(text, -1); found != nil {
			id = found[len(found)-1]
		}
	}
	return id
}

// told fails unless exactly these events came since the last time it was asked.
func (y *yeastarApp) told(want ...string) {
	y.Helper()
	var got []string
	y.arrived(func() bool { return len(y.events.taken()) >= len(want) })
	y.events.mu.Lock()
	texts := y.events.texts
	y.events.texts = nil
	y.events.mu.Unlock()
	for _, text := range texts {
		got = append(got, said(text))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		y.Fatalf("events:\n%s\nexpected:\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), y.ladder())
	}
}

// forget drops what has come so far, and what is on its way.
func (e *eventTape) forget() {
	time.Sleep(10 * time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.texts = nil
}
