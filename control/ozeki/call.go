package ozeki

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// usualRing is how long Call lets a phone ring (spec ozeki 9.1 has it for Route).
const usualRing = 90 * time.Second

// An application that answers CallChanged with a Call begins a call for each call, for ever. These bounds leave the switch
// to those who use it.
const (
	maxPlaced      = 1000 // calls that Call has made and that are on
	maxGenerations = 10   // Calls of scripts that lead to each other
)

// placed is a call that Call has made.
type placed struct {
	generation int // how many Calls of scripts have led to it
	dialled    string
	number     string       // of the API extension
	url        string       // of CallConnected
	script     *ozml.Script // in its place
	done       string       // FinishedUrl

	once   sync.Once
	known  chan struct{} // closed when it is answered or has ended
	failed string        // then: the result of one that was not answered
	told   bool          // who asked for the call is told of its failure by the reply
}

// placeCall is Call (spec ozeki 8.9). A URL request waits a moment for a call that fails at once; a script does not.
func (a *API) placeCall(ctx context.Context, o *order) *reply {
	number, fault := a.extension(o)
	if fault != nil {
		return fault
	}
	p := &placed{dialled: o.v[dialed.name], number: number, url: o.v[connectURL.name], done: o.v[finishedURL.name],
		known: make(chan struct{}), generation: o.generation()}
	if fault := a.scripted(o, p); fault != nil {
		return fault
	}
	ring := secondsOf(o.v[ringTime.name])
	if ring == 0 {
		ring = usualRing
	}
	if p.generation > maxGenerations {
		return tooManyCalls(o, "scripts of calls have made calls %d times over", maxGenerations)
	}
	if a.placed.Add(1) > maxPlaced {
		a.placed.Add(-1)
		return tooManyCalls(o, "%d calls are on", maxPlaced)
	}
	call := a.calls.NewCallID()
	s := a.sessions.of(call)
	s.placed, s.errorURL = p, o.v[errorURL.name]
	o.id, o.call = s.id, call
	p.told = o.script == nil
	err := a.calls.Place(callstate.CallPlaced{ID: call, From: number, To: p.dialled, Ring: ring, Shows: callstate.Party{
		Number: cmp.Or(o.v[callerID.name], number), Name: cmp.Or(o.v[displayName.name], a.extensions[number].Name, number)}})
	if err != nil {
		a.placed.Add(-1)
		a.sessions.end(call)
		a.ids.end(call)
		return o.row.replyTo(err, o.sent, s.id)
	}
	if o.script == nil {
		wait := time.NewTimer(a.grace)
		defer wait.Stop()
		select {
		case <-p.known:
		case <-wait.C:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	failed := p.failed
	p.told = p.told && failed != ""
	s.mu.Unlock()
	if failed != "" && o.script == nil {
		return callConnectFailed(o.echo(p.dialled), failed)
	}
	r := success()
	r.payload = appendField(nil, callID.name, s.id)
	return r
}

// scripted finds out where the script of a call comes from. Without ResponseOzML and Url it is the URL of the API extension,
// which is ours: the vendor hangs up at the answer (spec ozeki 8.9). Where there is none either, nobody is rung.
func (a *API) scripted(o *order, p *placed) *reply {
	if text := o.v[responseOzML.name]; text != "" {
		script, err := ozml.Parse([]byte(text))
		if err != nil {
			return parseError(err)
		}
		p.script = script
	}
	if p.script != nil || p.url != "" {
		return nil
	}
	if p.url = a.extensions[p.number].URL; p.url == "" {
		return (&paramFault{connectURL.name, "is missing, and so are ResponseOzML and a url of the API extension"}).reply(o.sent)
	}
	return nil
}

// generation is how many Calls of scripts lead to the one that an order is.
func (o *order) generation() int {
	if o.script == nil {
		return 0
	}
	s := o.script.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.placed == nil {
		return 1
	}
	return s.placed.generation + 1
}

func tooManyCalls(o *order, why string, n int) *reply {
	r := inappropriate(o.sent)
	r.message += ": " + fmt.Sprintf(why, n)
	return r
}

// extension is the API extension that makes a call: the one that was named, that of the script, or the only one.
func (a *API) extension(o *order) (string, *reply) {
	name := o.v[apiExtension.name]
	switch {
	case name == "" && o.own():
		name = o.script.side.number
	case name == "" && len(a.extensions) == 1:
		for only := range a.extensions {
			name = only
		}
	case name == "" && len(a.extensions) > 1:
		return "", invalidParameter(apiExtension.name, o.sent)
	}
	if _, known := a.extensions[name]; !known {
		return "", extensionUnavailable(o.echo(name))
	}
	return name, nil
}

// connected: a call is answered. Where Call made it, its script is fetched (spec ozeki 5.4).
func (s *session) connected(n callstate.Notice) {
	s.mu.Lock()
	p := s.placed
	s.mu.Unlock()
	if p == nil {
		return
	}
	leg := appOf(n.Summary)
	first := false
	p.once.Do(func() { first = true; close(p.known) })
	if !first || leg.Zero() {
		return
	}
	own := side{leg, p.number}
	switch {
	case p.script != nil:
		s.run(job{script: p.script, side: own})
	default:
		s.tell(&notification{name: "CallConnected", url: p.url, keep: true, form: toExtension("CallConnected", s.id, p.number, n.Summary),
			answer: func(script *ozml.Script, err error) {
				if script != nil {
					s.run(job{script: script, side: own})
					return
				}
				s.unanswered("Call", err)
				s.api.hangUp(n.Summary.ID, leg)
			}})
	}
}

// placedEnded: a call that Call made has ended. One that was not answered has failed (402), any other is finished.
func (s *session) placedEnded(result string, last *callstate.Summary, now callstate.Time) {
	s.mu.Lock()
	p := s.placed
	s.mu.Unlock()
	if p == nil {
		return
	}
	s.api.placed.Add(-1)
	if isAnswered(last) {
		s.tell(&notification{name: "CallFinished", url: p.done, keep: true, tries: finalTries,
			form: finished("CallFinished", s.id, result, last, now)})
		return
	}
	s.mu.Lock()
	p.failed = result
	told := p.told
	s.mu.Unlock()
	p.once.Do(func() { close(p.known) })
	if !told {
		r := callConnectFailed(p.dialled, result)
		s.fault(faultOf(r, "Call"))
	}
}

func extensionUnavailable(number string) *reply {
	return &reply{code: codeExtensionUnavailable,
		message: fmt.Sprintf("API extension '%s' unavailable, please check configuration or permissions", number)}
}

func callConnectFailed(dialled, result string) *reply {
	return &reply{code: codeCallConnectFailed, state: result, reason: result, message: fmt.Sprintf("Call connect to '%s' failed with result state '%s'", dialled, result)}
}
