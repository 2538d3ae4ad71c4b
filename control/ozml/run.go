package ozml

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxDelay = 24 * time.Hour

var errTime = errors.New("the time of the script is over")

// run is one run of a script and of those that it brings by GoTo.
type run struct {
	ctx    context.Context
	host   Host
	limits Limits
	vars   store
	end    End
	next   *Script // what GoTo brought

	steps, jumps int
	at           spot   // the element that was begun last
	from         string // Script.URL of the document that is running

	prompt  bool // InitialCommands are running: a key ends them
	menus   int  // UserInputs that the running element is inside of
	wearied bool // one of them has repeated as often as it may, and no key has come since
}

// spot is an element and where it stands; zero before the first.
type spot struct {
	name string
	line int
}

// flow is what an element lets follow.
type flow int

const (
	onward flow = iota // the next element
	back               // the enclosing UserInput, from its start
	over               // nothing of this document
)

// Run carries out s, which may be nil, on host. It returns when the script is over, and soon after ctx has ended. Faults of
// elements are reported to the host and the script goes on; so is the one of a limit, which ends it.
func Run(ctx context.Context, s *Script, host Host, limits Limits) End {
	usual := DefaultLimits()
	if limits.Steps <= 0 {
		limits.Steps = usual.Steps
	}
	if limits.Jumps <= 0 {
		limits.Jumps = usual.Jumps
	}
	if limits.Time <= 0 {
		limits.Time = usual.Time
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Time, errTime)
	defer cancel()
	r := &run{ctx: ctx, host: host, limits: limits, vars: newStore()}
	for s != nil {
		r.next, r.from = nil, s.URL
		r.list(s.Elements)
		s = r.next
	}
	r.stopped() // in its last element
	return r.end
}

// list runs elements in their order (spec ozeki 7.1).
func (r *run) list(els []*Element) flow {
	for _, el := range els {
		if f := r.element(el); f != onward {
			return f
		}
	}
	return onward
}

// document runs one that is not a GoTo's: what comes after it is still to follow.
func (r *run) document(s *Script) flow {
	from := r.from
	r.from = s.URL
	f := r.list(s.Elements)
	r.from = from
	return f
}

// element runs one, unless there is a reason not to.
func (r *run) element(el *Element) flow {
	if r.stopped() {
		return over
	}
	first := r.at == spot{}
	r.at = spot{clip(el.Name), el.Line}
	if !r.step() {
		return over
	}
	row := byName[lower(el.Name)]
	if row == nil {
		return r.fault(unknown(el.Name))
	}
	r.at.name = row.name
	if r.prompt && row.name != "Var" && row.name != "Array" && r.host.Keys().pressed() {
		return onward // a key has ended the prompt; what the script knows shall not depend on how early it came
	}
	switch {
	case row.kind == later:
		return r.fault(because(unknown(row.name), "it is not there yet"))
	case row.kind == part:
		return r.fault(misplaced(row.name, "it belongs inside of another element"))
	case row.kind == urlOnly:
		return r.fault(misplaced(row.name, "it is for URL requests alone"))
	case row.name == "Reject" && !first:
		return r.fault(misplaced(row.name, "it is not the first element"))
	}
	r.strangers(row, el)
	p, long := r.vars.params(row, el)
	if long != "" {
		return r.fault(invalid(long, row.name, tooLong))
	}
	if row.kind == control {
		return r.control(row, el, p)
	}
	r.strays(el.Children) // no command has any
	return r.command(row, Command{Name: row.name, Params: p, First: first, From: r.from, Line: el.Line})
}

func (r *run) control(row *element, el *Element, p map[string]string) flow {
	switch row.name {
	case "Delay":
		return r.delay(p["time"])
	case "Var":
		return r.setVar(p)
	case "Array":
		return r.setArray(el, p["id"])
	case "ForEach":
		return r.forEach(el, p["source"])
	case "GoTo":
		return r.goTo(p["url"], el.Line)
	case "UserInput":
		return r.userInput(el, p)
	}
	return over // Exit: of the whole script (spec ozeki 9.9)
}

// command gives one to the host. A prompt is cut short by a key; its fault is then that it was.
func (r *run) command(row *element, c Command) flow {
	var out Outcome
	cut := false
	if r.prompt && row.kind == audio {
		out, cut = r.interruptible(c)
	} else {
		out = r.host.Command(r.ctx, c)
	}
	if out.Over {
		r.end = Left
		return over
	}
	if r.ctx.Err() != nil {
		return onward // whoever is next finds out
	}
	if out.Fault != nil && !cut {
		return r.fault(*out.Fault)
	}
	if row.kind == audio {
		r.jumps = 0
	}
	return onward
}

// interruptible runs a command until it ends or a key comes.
func (r *run) interruptible(c Command) (out Outcome, cut bool) {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	done := make(chan Outcome, 1)
	go func() { done <- r.host.Command(ctx, c) }()
	for keys := r.host.Keys(); ; {
		select {
		case out = <-done:
			return out, false
		case <-keys.more:
			if keys.pressed() {
				cancel()
				return <-done, true
			}
		}
	}
}

func (r *run) delay(text string) flow {
	long, ok := seconds(text)
	if !ok || long > maxDelay {
		return r.fault(invalid("Time", "Delay", "must be seconds from 0 to 86400"))
	}
	timer := time.NewTimer(long)
	defer timer.Stop()
	var more <-chan struct{} // outside of a prompt a key waits
	if r.prompt {
		more = r.host.Keys().more
	}
	for {
		select {
		case <-timer.C:
			return onward
		case <-r.ctx.Done():
			return onward
		case <-more:
			if r.host.Keys().pressed() {
				return onward
			}
		}
	}
}

// number is what seconds are written as; strconv alone would take 1e9, 0x1p4 and Inf.
var number = regexp.MustCompile(`^([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})$`)

func seconds(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if !number.MatchString(text) {
		return 0, false
	}
	s, err := strconv.ParseFloat(text, 64)
	return time.Duration(s * float64(time.Second)), err == nil
}

// query is the text of a GoTo for a database (spec ozeki 9.5).
var query = regexp.MustCompile(`(?i)^(select|insert|update|delete|with|call|exec|execute)\s`)

// goTo asks for the script that takes the place of this one. When there is none, the rest of this one stays (spec ozeki
// 5.4 and 9.5).
func (r *run) goTo(url string, line int) flow {
	url = strings.TrimSpace(url)
	switch {
	case url == "":
		return r.fault(invalid("Url", "GoTo", "is missing"))
	case query.MatchString(url):
		return r.fault(invalid("Url", "GoTo", "is SQL, which is not there"))
	}
	if !r.jump() {
		return over
	}
	s, fault := r.host.Fetch(r.ctx, Ask{Notification: "GoTo", URL: url, From: r.from, Line: line})
	switch {
	case r.ctx.Err() != nil:
		return onward
	case fault != nil:
		return r.fault(*fault)
	case s == nil:
		return r.fault(invalid("Url", "GoTo", "its answer is empty"))
	}
	r.next = s
	return over
}

// stopped tells whether the context has ended, and reports it when it was the limit of time.
func (r *run) stopped() bool {
	if r.ctx.Err() == nil {
		return false
	}
	switch {
	case r.end != Ended:
	case errors.Is(context.Cause(r.ctx), errTime):
		r.limit(fmt.Sprintf("its time of %v is over", r.limits.Time))
	default:
		r.end = Stopped
	}
	return true
}

// step counts what a script does.
func (r *run) step() bool {
	if r.steps++; r.steps > r.limits.Steps {
		r.limit(fmt.Sprintf("it has run %d elements", r.limits.Steps))
		return false
	}
	return true
}

// jump counts the documents that come without the caller hearing or saying anything.
func (r *run) jump() bool {
	if r.jumps++; r.jumps > r.limits.Jumps {
		r.limit(fmt.Sprintf("it has gone on to %d documents without any audio or input", r.limits.Jumps))
		return false
	}
	return true
}

// limit ends the run. There is no code for it: the command cannot be used here and now.
func (r *run) limit(why string) {
	r.end = Limited
	f := misplaced(r.at.name, why)
	f.Message += ": the script is ended, " + why
	r.fault(f)
}

// fault reports one of the element that was begun last, and lets the next element follow.
func (r *run) fault(f Fault) flow { return r.faultAt(r.at, f) }

func (r *run) faultAt(at spot, f Fault) flow {
	f.Element, f.Line = at.name, at.line
	r.host.Report(f)
	return onward
}

// strangers reports attributes that an element does not have: most are misspelt. It runs without them.
func (r *run) strangers(row *element, el *Element) {
	for _, name := range slices.Sorted(maps.Keys(el.Attrs)) {
		if !row.has(name) {
			r.fault(invalid(clip(name), row.name, "there is no such attribute, it is ignored"))
		}
	}
}

// strays reports elements where none, or others, belong.
func (r *run) strays(els []*Element) {
	for _, el := range els {
		if row := byName[lower(el.Name)]; row != nil && row.kind != later {
			r.faultAt(spot{row.name, el.Line}, misplaced(row.name, "it does not belong inside of "+r.at.name))
		} else {
			r.faultAt(spot{clip(el.Name), el.Line}, unknown(el.Name))
		}
	}
}

// The faults that are found here, in the words of spec ozeki 3.

func unknown(name string) Fault {
	return Fault{Code: 301, Message: fmt.Sprintf("Not implemented command: '%s'", clip(name))}
}

// invalid says what is wrong with a parameter, never what was given: that may be a secret.
func invalid(param, name, why string) Fault {
	return because(Fault{Code: 302, Message: fmt.Sprintf("Missing or invalid parameter '%s' for command '%s'", param, name)}, param+": "+why)
}

func misplaced(name, why string) Fault {
	return because(Fault{Code: 303, Message: fmt.Sprintf("Command '%s' cannot be used here", clip(name))}, why)
}

func because(f Fault, why string) Fault {
	f.Reason = why
	return f
}
