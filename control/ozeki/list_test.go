package ozeki

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringdown/callstate"
)

// answer is what a client reads.
type answer struct {
	XMLName xml.Name `xml:"Response"`
	Code    int
	Message string
	Calls   []struct {
		CallId, Source, CallerId, Destination, CallerDialed, CalleeDialed string
		StartTime, RingDuration, TalkDuration, CallState                  string
	} `xml:"ActiveCalls>Call"`
}

func parse(t testing.TB, body string) answer {
	t.Helper()
	var v answer
	if err := xml.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return v
}

// TestEmptyList is spec ozeki 12, vector 16. A call that has ended but is still listed is not shown.
func TestEmptyList(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{})
	for range 2 {
		got := get(t, a, "command=ListActiveCalls"+login)
		want := openList + " <Code>200</Code> <Message>" + done + "</Message> <ActiveCalls></ActiveCalls> </Response>"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		b.start(callstate.Summary{ID: 1, State: callstate.ShownEnded})
	}
}

// TestListedValues: states, names, order, and durations that grow and freeze (spec ozeki 8.3).
func TestListedValues(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{})
	at := func(s int) callstate.Time { return moment(time.Duration(s) * time.Second) }
	b.now = at(100)
	alice := callstate.Party{Number: "2000", Name: "Alice"}
	b.start(callstate.Summary{ID: 4, State: callstate.ShownHeld, Caller: alice, Started: at(40), RingFrom: at(41), Answered: at(45)})
	b.start(callstate.Summary{ID: 1, State: callstate.ShownSetup, Caller: callstate.Party{Number: "2001"}, Started: at(10)})
	b.start(callstate.Summary{ID: 3, State: callstate.ShownInCall, Caller: alice, Started: at(30), Answered: at(31)})
	b.start(callstate.Summary{ID: 2, State: callstate.ShownRinging, Caller: alice, Started: at(20), RingFrom: at(21)})

	var got strings.Builder
	for _, c := range parse(t, get(t, a, "command=ListActiveCalls"+login)).Calls {
		fmt.Fprintln(&got, c.Source, c.CallerId, c.StartTime, c.RingDuration, c.TalkDuration, c.CallState)
	}
	want := `2001 2001 2019-04-09 10:00:10 0.000 0.000 Setup
2000 Alice 2019-04-09 10:00:20 79.000 0.000 Ringing
2000 Alice 2019-04-09 10:00:30 0.000 69.000 InCall
2000 Alice 2019-04-09 10:00:40 4.000 55.000 Hold
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

// TestListedOutsideParties: who calls from outside is listed by number, and by name where the trunk tells one; so is an
// outside number that is called.
func TestListedOutsideParties(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{})
	list := func(s callstate.Summary) string {
		s.ID, s.State = 1, callstate.ShownInCall
		b.add(s)
		c := parse(t, get(t, a, "command=ListActiveCalls"+login)).Calls[0]
		return fmt.Sprint(c.Source, " ", c.CallerId, " ", c.Destination, " ", c.CallerDialed, " ", c.CalleeDialed)
	}
	for want, s := range map[string]callstate.Summary{
		"12345678 12345678 1020 5503300 1020": {Caller: callstate.Party{Number: "12345678"}, Callee: callstate.Party{Number: "1020", Name: "Bob"},
			CallerDialled: "5503300", CalleeDialled: "1020"},
		"+36112345678 ACME & Co 1020 1020 1020": {Caller: callstate.Party{Number: "+36112345678", Name: "ACME & Co"},
			Callee: callstate.Party{Number: "1020"}, CallerDialled: "1020", CalleeDialled: "1020"},
		"1020 Bob 5503301 05503301 5503301": {Caller: callstate.Party{Number: "1020", Name: "Bob"}, Callee: callstate.Party{Number: "5503301"},
			CallerDialled: "05503301", CalleeDialled: "5503301"},
	} {
		if got := list(s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.000", 999 * time.Microsecond: "0.000", 749 * time.Millisecond: "0.749", 7 * time.Millisecond: "0.007",
		59*time.Second + 60*time.Millisecond: "59.060", 12 * time.Hour: "43200.000",
	} {
		if got := string(appendSeconds(nil, d)); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

// wellFormed reads a document to its end.
func wellFormed(t testing.TB, body string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(body)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in %q", err, body)
		}
	}
}

// TestHostileNames: what a phone writes into its display name cannot break the document.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		`</CallerId><Code>200</Code>`: `</CallerId><Code>200</Code>`,
		`]]> & "x" 'y'`:               `]]> & "x" 'y'`,
		"a\x00b\x1bc\x7f":             "a\uFFFDb\uFFFDc\x7f",
		"broken \xff\xc3":             "broken \uFFFD\uFFFD",
		"line\r\nfeed\ttab":           "line\r\nfeed\ttab",
		"\uFFFE\uFFFF":                "\uFFFD\uFFFD",
		"Zoë 😀 \u202e":                "Zoë 😀 \u202e",
		"\xed\xa0\x80":                "\uFFFD\uFFFD\uFFFD",
	} {
		b := newSwitchboard()
		a := newAPI(t, b, Config{})
		b.start(callstate.Summary{ID: 1, State: callstate.ShownInCall, Caller: callstate.Party{Name: name}, CallerDialled: name})
		v := parse(t, get(t, a, "command=ListActiveCalls"+login))
		if len(v.Calls) != 1 || v.Calls[0].CallerId != want || v.Calls[0].CallerDialed != want {
			t.Errorf("%q: got %+v", name, v.Calls)
		}
	}
}

// many are n calls in conversation.
func many(b *switchboard, n int) {
	for i := range n {
		d := time.Duration(i) * time.Millisecond
		b.start(callstate.Summary{
			ID: callstate.CallID(i + 1), State: callstate.ShownInCall,
			Caller:        callstate.Party{Number: fmt.Sprint(1000 + i), Name: "Alice Example"},
			Callee:        callstate.Party{Number: fmt.Sprint(5000 + i)},
			CallerDialled: "5000", CalleeDialled: "5000", Started: moment(d), RingFrom: moment(d), Answered: moment(2 * d),
		})
	}
}

// still is a list that costs nothing to take, so that what is measured is ours.
type still struct {
	*switchboard
	list []*callstate.Summary
}

func (s still) List() []*callstate.Summary { return s.list }

func TestListAllocates(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{})
	many(b, 4000)
	a.calls = still{b, b.List()}
	buffer := a.appendList(nil)
	if n := strings.Count(string(buffer), "<Call>"); n != 4000 {
		t.Fatalf("%d calls", n)
	}
	if n := testing.AllocsPerRun(5, func() { buffer = a.appendList(buffer[:0]) }); n > 2 {
		t.Errorf("a list of 4000 calls allocates %v times", n)
	}
}

// discard is a client that throws everything away.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkList4000(b *testing.B) {
	s := newSwitchboard()
	a := newAPI(b, s, Config{})
	many(s, 4000)
	a.calls = still{s, s.List()}
	r, _ := http.NewRequest(http.MethodGet, "/api?command=ListActiveCalls"+login, nil)
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		a.ServeHTTP(w, r)
	}
}

func BenchmarkCommand(b *testing.B) {
	s := newSwitchboard()
	s.do = func(context.Context) error { return nil }
	a := newAPI(b, s, Config{}, "SdwQD1")
	many(s, 1)
	r, _ := http.NewRequest(http.MethodGet, "/api?command=SendDTMF&CallId=SdwQD1&Party=caller&Keys=01234"+login, nil)
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		a.ServeHTTP(w, r)
	}
}
