package ozeki

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"ringdown/callstate"
)

// TestIDForm is spec ozeki 1.1: six base-62 characters; every one of them turns up, and no two ids are in sequence.
func TestIDForm(t *testing.T) {
	m := newIDs()
	form := regexp.MustCompile(`^[0-9A-Za-z]{6}$`)
	used := map[rune]bool{}
	var all []string
	for i := range 2000 {
		id, fresh := m.name(callstate.CallID(i + 1))
		if !fresh || !form.MatchString(id) {
			t.Fatalf("got %q, fresh %v", id, fresh)
		}
		for _, c := range id {
			used[c] = true
		}
		all = append(all, id)
	}
	if len(used) != 62 {
		t.Errorf("%d characters of 62", len(used))
	}
	if slices.IsSorted(all) {
		t.Error("the ids rise")
	}
}

// TestIDsDoNotRepeat: a name in use, or resting, is drawn again.
func TestIDsDoNotRepeat(t *testing.T) {
	m := newIDs()
	drawn := []string{"AAAAAA", "AAAAAA", "BBBBBB", "AAAAAA", "CCCCCC"}
	m.draw = func() string { id := drawn[0]; drawn = drawn[1:]; return id }
	first, _ := m.name(1)
	second, _ := m.name(2)
	m.end(1)
	third, _ := m.name(3)
	if got := strings.Join([]string{first, second, third}, " "); got != "AAAAAA BBBBBB CCCCCC" {
		t.Errorf("got %s", got)
	}
	if _, live := m.call("AAAAAA"); live {
		t.Error("the ended call is still found")
	}
}

// TestIDLife: the same id from the first list to the end, also when the call is older than the watch or its first
// notice comes late; afterwards 601.
func TestIDLife(t *testing.T) {
	b := newSwitchboard()
	b.add(callstate.Summary{ID: 1, State: callstate.ShownInCall}) // before the watch
	a := newAPI(t, b, Config{})
	b.add(callstate.Summary{ID: 2, State: callstate.ShownInCall, Started: moment(1)}) // its notice is on the way
	before := parse(t, get(t, a, "command=ListActiveCalls"+login)).Calls
	b.tell(callstate.NoticeCreated, callstate.Summary{ID: 2})
	after := parse(t, get(t, a, "command=ListActiveCalls"+login)).Calls
	if len(before) != 2 || !slices.Equal(before, after) {
		t.Fatalf("got %+v, then %+v", before, after)
	}
	id := before[1].CallId
	expect(t, get(t, a, "command=Hold&CallId="+id+login), 200, done)
	b.end(2)
	expect(t, get(t, a, "command=Hold&CallId="+id+login), 601, "Call not found with ID '"+id+"'")
}

// TestStaleList: a list taken before the end of a call does not bring it back, whether or not the last notice has come.
func TestStaleList(t *testing.T) {
	for _, noticed := range []bool{true, false} {
		b := newSwitchboard()
		a := newAPI(t, b, Config{})
		b.add(callstate.Summary{ID: 1, State: callstate.ShownInCall})
		a.calls = still{b, b.List()}
		if noticed {
			b.end(1)
		} else {
			delete(b.calls, 1)
		}
		if got := parse(t, get(t, a, "command=ListActiveCalls"+login)).Calls; got != nil {
			t.Errorf("noticed %v: got %+v", noticed, got)
		}
		if live := a.ids.live(); live != 0 {
			t.Errorf("noticed %v: %d ids left", noticed, live)
		}
	}
}

// live counts the ids of calls that have not ended.
func (m *ids) live() (n int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, name := range m.names {
		if name != "" {
			n++
		}
	}
	return n
}

// TestIDsBounded: 100,000 calls later nothing is left but the recent ones.
func TestIDsBounded(t *testing.T) {
	m := newIDs()
	tell := func(kind callstate.NoticeKind, id callstate.CallID) {
		m.watch(callstate.Notice{Kind: kind, Summary: &callstate.Summary{ID: id}})
	}
	const lag = 100
	for i := callstate.CallID(1); i <= 100_000+lag; i++ {
		if i <= 100_000 && i%3 > 0 { // a third is never announced nor listed
			tell(callstate.NoticeCreated, i)
		}
		if i > lag {
			tell(callstate.NoticeEnded, i-lag)
			tell(callstate.NoticeEnded, i-lag) // once too often does no harm
		}
	}
	if m.live() != 0 || len(m.names) != recent || len(m.calls) > recent {
		t.Errorf("%d live, %d numbers, %d ids", m.live(), len(m.names), len(m.calls))
	}
}

// TestIDsRace: calls come and go while others list and command them. Nobody sees two ids of one call, or one id twice.
func TestIDsRace(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{})
	var work, readers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		work.Go(func() {
			for i := range 300 {
				id := callstate.CallID(w*1000 + i + 1)
				s := callstate.Summary{ID: id, State: callstate.ShownInCall, CallerDialled: string(rune(0x4e00 + id))}
				b.start(s)
				b.end(id)
			}
		})
	}
	var mu sync.Mutex
	owner, ids := map[string]string{}, map[string]string{}
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, c := range parse(t, get(t, a, "command=ListActiveCalls"+login)).Calls {
					mu.Lock()
					if o := owner[c.CallId]; o != "" && o != c.CallerDialed {
						t.Errorf("%s names two calls", c.CallId)
					}
					if id := ids[c.CallerDialed]; id != "" && id != c.CallId {
						t.Errorf("a call is %s and %s", id, c.CallId)
					}
					owner[c.CallId], ids[c.CallerDialed] = c.CallerDialed, c.CallId
					mu.Unlock()
					get(t, a, "command=Hold&CallId="+c.CallId+login)
				}
			}
		})
	}
	work.Wait()
	close(stop)
	readers.Wait()
	if live := a.ids.live(); live != 0 {
		t.Errorf("%d ids left", live)
	}
}
