package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringdown/bench/phone"
	"ringdown/control/history"
)

// havoc is a hostile afternoon: an application that answers with scripts at random, late, with faults or not at all; phones
// that call, cancel, press keys, hold, refuse and hang up whenever they like; and clients that give any command at any time.
type havoc struct {
	*rig
	*rand.Rand
	mu     sync.Mutex // of Rand and told
	told   map[string][]string
	calm   bool // nothing more is asked for
	phones []*phone.Phone
}

func (c *havoc) n(most int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.IntN(most)
}

func (c *havoc) one(of ...string) string { return of[c.n(len(of))] }

// while lets a random time pass.
func (c *havoc) while(most time.Duration) {
	time.Sleep(time.Duration(c.n(int(most/time.Millisecond)+1)) * time.Millisecond)
}

var havocNumbers = []string{"9990", "9990", "9991", "2000", "2001", "2002", "2003", "2004", "2005", "7777"}

// element is one of OzML at random.
func (c *havoc) element(depth int) string {
	num := c.one(havocNumbers...)
	id := ""
	if c.n(12) == 0 {
		id = fmt.Sprintf(` CallId="%s"`, c.someCall())
	}
	side := c.one("caller", "callee", "all")
	switch c.n(19) {
	case 0, 1:
		return fmt.Sprintf(`<Play Party="%s" Repeat="%s" Timeout="%d"%s>540.wav</Play>`, side, c.one("true", "false"), c.n(5), id)
	case 2:
		return fmt.Sprintf(`<Beep Duration="0.3" Party="%s"%s/>`, side, id)
	case 3:
		return fmt.Sprintf(`<Speak Party="%s"%s>hello</Speak>`, side, id)
	case 4:
		return fmt.Sprintf(`<Record Duration="%d" FinishDigits="#" FinishedUrl="/rec"%s/>`, c.n(4), id)
	case 5:
		return fmt.Sprintf(`<SendDTMF Keys="12,3" Party="%s"%s/>`, side, id)
	case 6:
		return fmt.Sprintf(`<ForwardCall Destination="%s"%s/>`, num, id)
	case 7:
		return fmt.Sprintf(`<BlindTransfer TransferorParty="%s" FinishedUrl="/fin"%s>%s</BlindTransfer>`, c.one("caller", "callee"), id, num)
	case 8:
		return `<Hold` + id + `/>`
	case 9:
		return `<Unhold` + id + `/>`
	case 10:
		if c.n(3) > 0 {
			return `<Delay>1</Delay>`
		}
		return `<Hangup` + id + `/>`
	case 11:
		if c.n(4) > 0 {
			return `<Delay>0.5</Delay>`
		}
		return fmt.Sprintf(`<Call Dialed="%s" ApiExtension="9991" Url="/ivr" FinishedUrl="/fin" RingTime="%d"/>`, num, 1+c.n(9))
	case 12:
		return fmt.Sprintf(`<Route Destination="%s" RingTime="%d"/>`, num, 1+c.n(9))
	case 13:
		return `<Reject/>`
	case 14:
		return `<GoTo>/goto</GoTo>`
	case 15:
		return fmt.Sprintf(`<Delay>%d.%d</Delay>`, c.n(4), c.n(9))
	case 16:
		return fmt.Sprintf(`<AttendedTransfer TargetCallId="%s"/>`, c.someCall())
	case 17:
		return `<Exit/>`
	}
	if depth > 2 {
		return `<Nonsense/>`
	}
	return fmt.Sprintf(`<UserInput timeout="%d" repeat="%s" backkey="*" forwardtourl="/dtmf"><InitialCommands>%s</InitialCommands><Inputs><Input key="1">%s</Input><Input key="23">%s</Input></Inputs></UserInput>`,
		c.n(5), c.one("true", "false"), c.elements(depth+1), c.elements(depth+1), c.elements(depth+1))
}

func (c *havoc) elements(depth int) string {
	var b strings.Builder
	for range c.n(5) {
		b.WriteString(c.element(depth))
	}
	return b.String()
}

func (c *havoc) someCall() string {
	if calls := c.sw.exchange.List(); len(calls) > 0 && c.n(5) > 0 {
		list := c.list()
		if len(list) > 0 {
			return list[c.n(len(list))].CallID
		}
	}
	return "nobody"
}

// ServeHTTP is the application.
func (c *havoc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	id, name := r.Form.Get("CallId"), r.Form.Get("NotificationName")
	c.mu.Lock()
	if name == "CallChanged" {
		name += "/" + r.Form.Get("CallState")
	}
	c.told[id] = append(c.told[id], name)
	calm := c.calm
	c.mu.Unlock()
	if calm {
		return
	}
	switch c.n(12) {
	case 0:
		c.while(8 * time.Second)
	case 1:
		w.WriteHeader(500)
		return
	case 2:
		io.WriteString(w, "<Response><Play>")
		return
	case 3:
		return
	case 4: // from within
		c.do(c.one("Hangup", "Hold", "Unhold"), "CallId", id)
	case 5:
		panic(http.ErrAbortHandler)
	default:
		c.while(300 * time.Millisecond)
	}
	if strings.HasPrefix(name, "CallChanged") && c.n(3) > 0 || name == "Error" {
		return
	}
	io.WriteString(w, "<Response>"+c.elements(0)+"</Response>")
}

// person is a phone that does whatever comes to mind until the end.
func (c *havoc) person(p *phone.Phone, end time.Time) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	wg.Go(func() {
		for {
			in, err := p.WaitCall(ctx)
			if err != nil {
				return
			}
			wg.Go(func() { c.receive(in) })
		}
	})
	for time.Now().Before(end) {
		c.while(2 * time.Second)
		call, err := p.Dial(ctx, c.one(havocNumbers...))
		if err != nil {
			continue
		}
		if c.n(4) == 0 {
			c.while(3 * time.Second)
			call.Cancel()
			c.bye(call)
			continue
		}
		short, stop := context.WithTimeout(ctx, 12*time.Second)
		err = call.WaitAnswer(short)
		stop()
		if err == nil {
			c.converse(call)
		}
		call.Cancel()
		c.bye(call)
	}
}

// bye hangs up, and sees the end.
func (c *havoc) bye(call *phone.Call) {
	call.Hangup()
	ctx, cancel := context.WithTimeout(context.Background(), 70*time.Second)
	defer cancel()
	call.Hangup()
	if _, err := call.WaitEnd(ctx); err != nil {
		c.Errorf("a call does not end: %v", err)
	}
}

func (c *havoc) receive(call *phone.Call) {
	call.Ring()
	c.while(3 * time.Second)
	switch c.n(5) {
	case 0:
		call.Reject(486, "")
	case 1:
		call.Reject(503, "")
	default:
		if call.Answer() == nil {
			c.converse(call)
		}
	}
	c.bye(call)
}

func (c *havoc) converse(call *phone.Call) {
	call.Media.SendTone(aliceTone)
	for range c.n(6) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		switch c.n(9) {
		case 7:
			call.Refer(ctx, "sip:"+c.one(havocNumbers...)+"@example.com")
		case 8:
			if other, err := c.phones[c.n(6)].Dial(ctx, c.one(havocNumbers...)); err == nil {
				other.WaitAnswer(ctx)
				c.while(time.Second)
				if c.n(3) > 0 {
					call.ReferReplaces(ctx, other)
				}
				other.Cancel()
				c.bye(other)
			}
		case 0, 1:
			call.Media.SendDigit4733(rune("1234567890*#"[c.n(12)]), 20+c.n(300))
		case 2:
			call.SendDigitInfo(ctx, rune("123#*"[c.n(5)]), 160, phone.DTMFRelay)
		case 3:
			call.Hold(ctx, phone.SendOnly)
		case 4:
			call.Resume(ctx)
		case 5:
			call.MoveMedia(ctx)
		}
		cancel()
		c.while(1500 * time.Millisecond)
	}
}

// client gives commands until the end.
func (c *havoc) client(end time.Time) {
	for time.Now().Before(end) {
		c.while(700 * time.Millisecond)
		id := c.someCall()
		num := c.one(havocNumbers...)
		side := c.one("caller", "callee", "all")
		switch c.n(11) {
		case 0, 1:
			c.do("Play", "CallId", id, "AudioFile", "540.wav", "Party", side, "Repeat", c.one("true", "false"))
		case 2:
			c.do("Record", "CallId", id, "FinishedUrl", applicationAt+"/rec")
		case 3:
			c.do("StopRecord", "CallId", id)
		case 4:
			c.do("Speak", "CallId", id, "Text", "hello")
		case 5:
			c.do("Call", "Dialed", num, "ApiExtension", c.one("9990", "9991"), "Url", applicationAt+"/ivr", "FinishedUrl", applicationAt+"/fin")
		case 6:
			c.do("BlindTransfer", "CallId", id, "TransferorParty", c.one("caller", "callee"), "Target", num, "FinishedUrl", applicationAt+"/fin")
		case 7:
			c.do("ForwardCall", "CallId", id, "Destination", num)
		case 8:
			c.do(c.one("Hold", "Unhold", "Hold", "Unhold", "Hangup"), "CallId", id)
		case 9:
			c.do("AttendedTransfer", "TransferredCallId", id, "TargetCallId", c.someCall())
		case 10:
			c.do("SendDTMF", "CallId", id, "Party", side, "Keys", "1,2#")
		}
	}
}

// havocEnds are the last states of calls, as CallChanged tells them.
var havocEnds = []string{"Completed", "Cancelled", "Busy", "Error", "Transferred"}

// TestOzMLHavoc: in the end nothing is left of any call (invariant I1), each has exactly one record in the history, and the
// last that was told of it is its end, once. HAVOC=1000-1100 tries other seeds.
func TestOzMLHavoc(t *testing.T) {
	first, last := uint64(1), uint64(4)
	if from, to, several := strings.Cut(os.Getenv("HAVOC"), "-"); from != "" {
		first, _ = strconv.ParseUint(from, 10, 64)
		if last = first; several {
			last, _ = strconv.ParseUint(to, 10, 64)
		}
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { wreak(t, seed) })
	}
}

// wreak lets six phones and three clients do what they like for two minutes.
func wreak(t *testing.T, seed uint64) {
	c := &havoc{Rand: rand.New(rand.NewPCG(seed, 7)), told: map[string][]string{}}
	folder := sounds(t, 2, menuTone)
	scene(t, func(r *rig) {
		c.rig = r
		r.app.server.Handler = c
		for i := range 6 {
			c.phones = append(c.phones, r.phone(fmt.Sprint(2000+i), func(p *phone.Config) { p.Local = fmt.Sprintf("198.51.100.%d:0", 20+i) }))
		}
		end := time.Now().Add(2 * time.Minute)
		var wg sync.WaitGroup
		for _, p := range c.phones {
			wg.Go(func() { c.person(p, end) })
		}
		for range 3 {
			wg.Go(func() { c.client(end) })
		}
		wg.Wait()
		c.mu.Lock()
		c.calm = true
		c.mu.Unlock()
		for _, call := range r.list() {
			r.do("Hangup", "CallId", call.CallID)
		}
		r.pass(3 * time.Minute) // all is told
		r.settled()
		c.check()
	}, func(cfg *Config) {
		cfg.Ozeki.Notify = Notify{CallChanged: applicationAt + "/calls", Error: applicationAt + "/errors", Timeout: cfg.Ozeki.Notify.Timeout}
		if seed%2 == 0 {
			cfg.Ozeki.Notify.Routing = applicationAt + "/routing"
		}
		cfg.Ozeki.Speak = nil // a process would stop virtual time
		cfg.Media.Folder = folder
		cfg.History.File = filepath.Join(folder, "history.db")
		cfg.APIExtensions = []APIExtension{{Number: "9990", URL: applicationAt + "/ivr"}, {Number: "9991", URL: applicationAt + "/ivr2"}}
	})
}

// check compares what was told and what is in the history with each other.
func (c *havoc) check() {
	records := map[string]int{}
	for page := 0; ; page++ {
		list, _, err := c.sw.history.Find(c.ctx, history.Filter{Page: page, Rows: 1000})
		c.ok(err)
		if len(list) == 0 {
			break
		}
		for _, r := range list {
			records[r.CallID]++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, names := range c.told {
		var states []string
		for _, n := range names {
			if state, ok := strings.CutPrefix(n, "CallChanged/"); ok {
				states = append(states, state)
			}
		}
		states = slices.Compact(states) // an end is told again when the application did not take it
		ends := 0
		for _, s := range states {
			if slices.Contains(havocEnds, s) {
				ends++
			}
		}
		if ends != 1 || !slices.Contains(havocEnds, states[len(states)-1]) || records[id] != 1 {
			c.Errorf("call %s has %d records and was told of as %v", id, records[id], names)
		}
	}
	if len(records) < 100 {
		c.Errorf("only %d calls", len(records))
	}
}
