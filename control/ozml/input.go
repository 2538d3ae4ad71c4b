package ozml

import (
	"context"
	"strconv"
	"strings"
	"time"
)

const (
	keyPause   = 3 * time.Second // between two digits, before the input is taken as complete (spec ozeki 9.6)
	maxRepeats = 20              // of one UserInput without anything that it could use
	maxMenus   = 50              // UserInputs inside each other, those of answers to DtmfEntered too
	maxDigits  = 128
	maxTimeout = time.Hour
)

// input is a UserInput whose attributes were read.
type input struct {
	initial  []*Element
	branches []branch
	repeat   bool
	timeout  time.Duration
	back     byte // 0: none
	min, max int  // digits
	url      string
	line     int
}

// branch is an Input.
type branch struct {
	keys string
	body []*Element
}

// userInput is the element UserInput (spec ozeki 9.6).
func (r *run) userInput(el *Element, p map[string]string) flow {
	if !r.host.Extension() {
		return r.fault(misplaced("UserInput", "no API extension is in the call"))
	}
	in, wrong := readInput(p)
	if wrong != "" {
		return r.fault(invalid(wrong, "UserInput", inputWants[wrong]))
	}
	in.line = el.Line
	r.readParts(in, el)
	if r.menus == maxMenus {
		r.limit("it is " + strconv.Itoa(maxMenus) + " UserInputs deep")
		return over
	}
	prompting := r.prompt
	r.menus++
	defer func() {
		r.menus--
		r.prompt = prompting
		r.wearied = r.wearied && r.menus > 0
	}()

	for repeats := 0; ; {
		f, again := r.round(in)
		switch {
		case f == back && r.menus > 1:
			return back
		case f == back:
			return onward
		case f == over:
			return over
		case again == atOnce: // an inner one was left by its BackKey
			repeats = 0
			continue
		case again == served:
			repeats = 0
		}
		if !in.repeat || r.wearied {
			return onward
		}
		if again == unserved {
			if repeats++; repeats > maxRepeats {
				r.wearied = true
				return onward
			}
		}
		if r.stopped() || !r.step() {
			return over
		}
	}
}

// result is what a round of a UserInput came to.
type result int

const (
	unserved result = iota // no input, or none that there is anything for
	served                 // a branch has run
	atOnce                 // begin again, whether Repeat is set or not
)

// round runs the initial commands, collects, and runs what was chosen. The flow is back when the BackKey of this very
// UserInput was pressed.
func (r *run) round(in *input) (flow, result) {
	r.prompt = true
	f := r.list(in.initial)
	r.prompt = false
	if f == back {
		return onward, atOnce
	}
	if f != onward {
		return f, unserved
	}
	r.at = spot{"UserInput", in.line} // again
	keys, got := r.collect(in)
	switch got {
	case backKey:
		return back, served
	case noInput: // also when the run is over: whoever is next finds out
		return onward, unserved
	}
	for _, b := range in.branches {
		if b.keys == keys {
			return r.branch(r.list(b.body))
		}
	}
	if in.url == "" {
		return onward, unserved
	}
	return r.entered(in, keys)
}

// branch judges how the elements of an Input have ended.
func (r *run) branch(f flow) (flow, result) {
	if f == back {
		return onward, atOnce
	}
	return f, served
}

// entered asks what to do about keys that no Input is for.
func (r *run) entered(in *input, keys string) (flow, result) {
	s, fault := r.host.Fetch(r.ctx, Ask{Notification: "DtmfEntered", URL: in.url, From: r.from, Line: in.line, Extra: map[string]string{"DtmfDigits": keys}})
	if r.ctx.Err() != nil {
		return onward, unserved
	}
	if fault != nil {
		return r.fault(*fault), unserved
	}
	if s == nil { // the application has heard, and has nothing to say
		return onward, served
	}
	return r.branch(r.document(s))
}

// got is how a collection ended.
type got int

const (
	complete got = iota
	noInput
	backKey
)

// collect takes keys until they are an input. The prompt is over: the time-out counts from here (spec ozeki 9.6).
func (r *run) collect(in *input) (string, got) {
	keys := ""
	for {
		k, ok := r.key(in.wait(keys))
		switch {
		case !ok && keys != "" && (len(keys) >= in.min || in.is(keys)):
			return keys, complete // the pause
		case !ok:
			return "", noInput
		}
		r.wearied, r.jumps = false, 0
		if keys == "" && k == in.back {
			return "", backKey
		}
		next := keys + string(k)
		switch {
		case in.begins(next): // of a longer Input
			keys = next
		case in.is(next):
			return next, complete
		case k == '#' && keys != "" && (len(keys) >= in.min || in.is(keys)):
			return keys, complete
		case len(keys) >= in.max: // waited for more of an Input, and this is none
			r.host.Keys().unread(k)
			return keys, complete
		case len(next) >= in.max:
			return next, complete
		default:
			keys = next
		}
	}
}

// wait is how long the next key may take.
func (in *input) wait(keys string) time.Duration {
	switch {
	case keys == "":
		return in.timeout
	case len(keys) >= in.min || in.is(keys):
		return keyPause
	}
	return max(in.timeout, keyPause) // who is half-way through a number may look the rest up
}

// is tells whether keys are those of an Input.
func (in *input) is(keys string) bool {
	for _, b := range in.branches {
		if b.keys == keys {
			return true
		}
	}
	return false
}

// begins tells whether a longer Input begins with keys.
func (in *input) begins(keys string) bool {
	for _, b := range in.branches {
		if len(b.keys) > len(keys) && strings.HasPrefix(b.keys, keys) {
			return true
		}
	}
	return false
}

// key is the next key, if one comes in time. One that was pressed earlier counts.
func (r *run) key(in time.Duration) (byte, bool) {
	ctx, cancel := context.WithTimeout(r.ctx, in)
	defer cancel()
	k, err := r.host.Keys().Next(ctx)
	return k, err == nil
}

// sequence is one or more keys.
func sequence(text string) (string, bool) {
	out := []byte(strings.TrimSpace(text))
	for i, c := range out {
		k, ok := dtmf(c)
		if !ok {
			return "", false
		}
		out[i] = k
	}
	return string(out), 0 < len(out) && len(out) <= maxDigits
}

// inputWants is what an attribute must be.
var inputWants = map[string]string{
	"ExecuteSQL": "is not there",
	"Repeat":     "must be true or false",
	"Timeout":    "must be seconds from 0 to 3600",
	"BackKey":    "must be one key",
	"Digits":     wantsCount, "MinDigits": wantsCount,
	"MaxDigits": wantsCount + ", and no less than MinDigits",
}

const wantsCount = "must be a whole number from 1 to 128"

// readInput reads the attributes. It returns the name of the first that is invalid.
func readInput(p map[string]string) (in *input, wrong string) {
	in = &input{url: strings.TrimSpace(p["forwardtourl"])}
	var ok bool
	if strings.TrimSpace(p["executesql"]) != "" {
		return nil, "ExecuteSQL"
	}
	if in.repeat, ok = boolean(p["repeat"]); !ok {
		return nil, "Repeat"
	}
	if text := strings.TrimSpace(p["timeout"]); text != "" {
		if in.timeout, ok = seconds(text); !ok || in.timeout > maxTimeout {
			return nil, "Timeout"
		}
	}
	if text := p["backkey"]; strings.TrimSpace(text) != "" {
		key, ok := sequence(text)
		if !ok || len(key) != 1 {
			return nil, "BackKey"
		}
		in.back = key[0]
	}
	return in, in.readDigits(p)
}

// readDigits reads how many digits are wanted: a range when one is given, else a fixed number.
func (in *input) readDigits(p map[string]string) (wrong string) {
	fixed, low, high := 0, 0, 0
	for _, a := range []struct {
		name string
		to   *int
	}{{"Digits", &fixed}, {"MinDigits", &low}, {"MaxDigits", &high}} {
		text := strings.TrimSpace(p[lower(a.name)])
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxDigits {
			return a.name
		}
		*a.to = n
	}
	switch {
	case low == 0 && high == 0:
		in.min = max(fixed, 1)
		in.max = in.min
		return ""
	case high == 0:
		high = max(fixed, low)
	case low == 0:
		low = 1
	}
	if low > high {
		return "MaxDigits"
	}
	in.min, in.max = low, high
	return ""
}

func boolean(text string) (value, ok bool) {
	switch lower(strings.TrimSpace(text)) {
	case "true", "1", "yes":
		return true, true
	case "", "false", "0", "no":
		return false, true
	}
	return false, false
}

// readParts finds InitialCommands and the Inputs; of two for the same keys the first counts. What does not belong there
// is reported, and the rest is used.
func (r *run) readParts(in *input, el *Element) {
	for _, child := range el.Children {
		switch lower(child.Name) {
		case "initialcommands":
			in.initial = append(in.initial, child.Children...)
		case "inputs":
			for _, entry := range child.Children {
				r.readBranch(in, entry)
			}
		default:
			r.strays([]*Element{child})
		}
	}
}

func (r *run) readBranch(in *input, el *Element) {
	row := byName[lower(el.Name)]
	if row == nil || row.name != "Input" {
		r.strays([]*Element{el})
		return
	}
	p, long := r.vars.params(row, el)
	if long != "" {
		r.faultAt(spot{"Input", el.Line}, invalid("Key", "Input", tooLong))
		return
	}
	keys, ok := sequence(p["key"])
	if !ok {
		r.faultAt(spot{"Input", el.Line}, invalid("Key", "Input", "must be of 0-9 * # A-D"))
		return
	}
	in.branches = append(in.branches, branch{keys: keys, body: el.Children})
}
