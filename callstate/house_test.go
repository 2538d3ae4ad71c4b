package callstate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// house is the calls of one script and what lies between them: who has which leg, and the letters of a hand-over. The
// first call is x, its legs are written by their number alone; those of y and z have the letter before it.
type house struct {
	dir     *Directory
	desks   map[CallID]*desk
	home    map[LegID]CallID // of the legs that are not in the call of their birth
	letters []Event          // on their way between calls
	work    []MediaCommand   // for the part of media
	slow    bool             // letters wait for `deliver`
	again   bool             // the same was played before, and the calls' state was looked at after each step

	pending  map[LegID][]uint32 // media work that is under way
	reoffers map[LegID]uint32   // the last offer of ours
	offers   map[LegID]uint32   // the last re-INVITE of each phone
	refers   map[LegID]uint64   // the last REFER
	digits   map[LegID]uint64   // the last digits
	clips    map[LegID]uint32   // the last clip
	world    *ledger            // whose books of legs all calls share
}

// said is a command and the call that gave it.
type said struct {
	by  *desk
	cmd Command
}

func newHouse(dir *Directory) *house {
	return &house{dir: dir, desks: map[CallID]*desk{}, home: map[LegID]CallID{}, pending: map[LegID][]uint32{}, reoffers: map[LegID]uint32{},
		offers: map[LegID]uint32{}, refers: map[LegID]uint64{}, digits: map[LegID]uint64{}, clips: map[LegID]uint32{}, world: newLedger()}
}

// desk is that of a call, which is made when it is new.
func (h *house) desk(id CallID) *desk {
	d := h.desks[id]
	if d == nil {
		d = &desk{house: h, id: id, locates: map[string]Locate{}, timers: map[string]TimerID{}, names: map[TimerID]string{}, account: h.world.sharing()}
		set := DefaultSettings()
		set.Features = Features{} // most calls are about other things
		d.call = NewCall(id, set, h.dir)
		if x := h.desks[1]; x != nil {
			d.call.Settings, d.now = x.call.Settings, x.now
		}
		h.desks[id] = d
	}
	return d
}

// of is the desk that an event goes to.
func (h *house) of(ev Event) *desk {
	if offered, ok := ev.(LegOffered); ok && offered.Replaces.Given() {
		h.home[offered.Leg] = h.has(offered.Replaces.Leg)
	}
	if e, ok := ev.(legEvent); ok {
		return h.desk(h.has(e.About()))
	}
	return h.desk(ev.Call())
}

func (h *house) has(leg LegID) CallID {
	if id, ok := h.home[leg]; ok {
		return id
	}
	return leg.Call
}

// play gives the calls one line of events. Unless they are played by hand, what lies between the calls and the results
// of media follow at once.
func (h *house) play(line string, byHand bool) ([]said, error) {
	d := h.desk(1)
	if letter, rest, ok := strings.Cut(line, ": "); ok && len(letter) == 1 {
		id, err := readCall(letter)
		if err != nil {
			return nil, err
		}
		d, line = h.desk(id), rest
	}
	var all []said
	if keys, ok := strings.CutPrefix(line, "dials "); ok { // several keys of one leg: "dials 2 *03 info"
		f := strings.Fields(keys)
		for _, key := range f[1] {
			f[1] = string(key)
			more, err := h.play("presses "+strings.Join(f, " "), byHand)
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
		}
		return all, nil
	}
	if line == "deliver" {
		if len(h.letters) == 0 {
			return nil, fmt.Errorf("no letter is on its way")
		}
		all = h.deliver()
	} else {
		ev, err := readEvent(line, d)
		if err != nil {
			return nil, err
		}
		all = h.step(ev)
	}
	for {
		var results []Event
		switch {
		case len(h.letters) > 0 && !h.slow:
			all = append(all, h.deliver()...)
			continue
		case !byHand:
			results = h.media()
		}
		if len(results) == 0 {
			return all, nil
		}
		for _, ev := range results {
			all = append(all, h.step(ev)...)
		}
	}
}

// step gives an event to its call.
func (h *house) step(ev Event) (all []said) {
	d := h.of(ev)
	for _, cmd := range d.step(ev) {
		all = append(all, said{d, cmd})
	}
	return all
}

// deliver brings the oldest letter.
func (h *house) deliver() []said {
	ev := h.letters[0]
	h.letters = h.letters[1:]
	return h.step(ev)
}

// post takes a command of the hand-over for the exchange. False when the call that it is for is in no script.
func (h *house) post(cmd Command) bool {
	switch cmd := cmd.(type) {
	case Fetch:
		ev := LegsWanted{On: On{cmd.Leg}, By: cmd.Call, Token: cmd.Token, EarlyOnly: cmd.EarlyOnly, Stay: cmd.Stay, Mixable: cmd.Mixable}
		if h.desks[h.has(cmd.Leg)] == nil {
			return false
		}
		h.letters = append(h.letters, ev)
	case HandOver:
		if h.desks[cmd.To] == nil {
			return false
		}
		for _, l := range cmd.Parcel.Legs {
			h.home[l.ID] = cmd.To // what comes now comes behind the letter
		}
		h.letters = append(h.letters, LegsHanded{ID: cmd.To, Token: cmd.Token, Parcel: cmd.Parcel})
	case RefuseLegs:
		if h.desks[cmd.To] == nil {
			return false
		}
		h.letters = append(h.letters, LegsRefused{ID: cmd.To, Token: cmd.Token, Status: cmd.Status})
	}
	return true
}

// faults are those of all calls. No leg may be in two of them.
func (h *house) faults() (all []string) {
	in := map[LegID]CallID{}
	for id, d := range h.desks {
		all = append(all, d.account.faults...)
		for _, l := range d.call.Legs {
			if other, is := in[l.ID]; is {
				all = append(all, fmt.Sprintf("leg %s is in the calls %d and %d", l.ID, id, other))
			}
			in[l.ID] = id
		}
	}
	return all
}

// settled checks that nothing of any call is left.
func (h *house) settled() {
	for _, d := range h.desks {
		d.account.settled()
	}
}

// named writes a leg as the scripts do.
type named LegID

func (n named) Format(f fmt.State, verb rune) { fmt.Fprint(f, callName(n.Call, false), n.N) }

// callName is the letter of a call; x is left out before its legs.
func callName(id CallID, alone bool) string {
	switch {
	case id == 1 && !alone, id == 0:
		return ""
	case id <= 3:
		return string("xyz"[id-1])
	}
	return fmt.Sprintf("c%d-", id)
}

var legPattern = regexp.MustCompile(`^(?:([xyz])|c(\d+)-)?(\d+)$`)

func readCall(name string) (CallID, error) {
	if i := strings.Index("xyz", name); i >= 0 && len(name) == 1 {
		return CallID(i + 1), nil
	}
	return 0, fmt.Errorf("%q is no call", name)
}

func readLeg(s string) (LegID, error) {
	m := legPattern.FindStringSubmatch(s)
	if m == nil {
		return LegID{}, fmt.Errorf("%q is no leg", s)
	}
	id := LegID{Call: 1}
	if m[1] != "" {
		id.Call, _ = readCall(m[1])
	}
	if m[2] != "" {
		n, _ := strconv.ParseUint(m[2], 10, 64)
		id.Call = CallID(n)
	}
	n, err := strconv.ParseUint(m[3], 10, 32)
	id.N = uint32(n)
	return id, err
}
