package ozeki

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringdown/control/history"
)

// openHistory is a history in memory.
func openHistory(t testing.TB) *history.Store {
	t.Helper()
	s, err := history.Open(history.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sample is the call that the vendor's page prints (spec ozeki 8.15).
func sample() history.Record {
	return history.Record{CallID: "20GPS3", Start: time.Date(2013, 8, 13, 8, 2, 50, 0, time.Local), Direction: internal, Source: "1003",
		Destination: "50", State: transferCompleted, Dialed: "50", CallerID: "1003", Type: "Audio"}
}

// seedHistory adds four calls, one an hour, the sample last.
func seedHistory(s *history.Store) {
	for i, state := range []string{callerHungUp, calleeHungUp, notAnswered} {
		r := sample()
		r.CallID, r.State, r.Source, r.CallerID = fmt.Sprintf("call%d", i), state, fmt.Sprint(100+i), "Alice & Bob"
		r.Start = r.Start.Add(time.Duration(i-3) * time.Hour)
		r.Direction = []string{inbound, outbound, external}[i]
		s.Add(r)
	}
	s.Add(sample())
}

// oneLine takes the indentation out of a document as the vendor's pages print it.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestHistorySample: the vendor's sample, byte for byte but for its indentation, in both shapes (spec ozeki 8.15 and 11
// row 6).
func TestHistorySample(t *testing.T) {
	s := openHistory(t)
	seedHistory(s)
	a := newAPI(t, newSwitchboard(), Config{History: s})
	want := oneLine(fixture(t, "history.xml"))
	if got := get(t, a, "command=ListCallHistory&RowsPerPage=1"+login); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	older := strings.NewReplacer("TotalRecords>", "NumberOfCalls>", "CallHistory>", "Calls>").Replace(want)
	if got := get(t, a, "command=GetCallHistory&RowsPerPage=1&PageNumber=3"+login); got != older {
		t.Errorf("got  %s\nwant %s", got, older)
	}
	empty := openList + " <Code>200</Code> <Message>" + done + "</Message> <TotalRecords>0</TotalRecords> <CallHistory></CallHistory> </Response>"
	if got := get(t, a, "command=ListCallHistory&Source=999"+login); got != empty {
		t.Errorf("got  %s\nwant %s", got, empty)
	}
}

// histories is what a client reads, in either shape.
type histories struct {
	Code                        int
	TotalRecords, NumberOfCalls int
	List                        []struct{ CallId, CallerId string } `xml:"CallHistory>Call"`
	Calls                       []struct{ CallId, CallerId string } `xml:"Calls>Call"`
}

// TestHistoryFilters: each filter by itself and together, in any case, empty ones, pages, orders (spec ozeki 8.15).
func TestHistoryFilters(t *testing.T) {
	s := openHistory(t)
	seedHistory(s)
	a := newAPI(t, newSwitchboard(), Config{History: s})
	for query, want := range map[string]string{
		"":                                       "4: 20GPS3 call2 call1 call0",
		"CallerId=1003":                          "1: 20GPS3",
		"CallerId=alice+%26+bob":                 "3: call2 call1 call0",
		"CallId=call1":                           "1: call1",
		"CallId=CALL1":                           "0:",
		"Destination=50":                         "4: 20GPS3 call2 call1 call0",
		"Destination=5":                          "0:",
		"Dialed=50&Source=101":                   "1: call1",
		"Dialled=51":                             "0:",
		"Direction=inbound":                      "1: call0",
		"direction=OUTBOUND":                     "1: call1",
		"Direction=External":                     "1: call2",
		"Direction=Internal":                     "1: 20GPS3",
		"State=CallerHangUp":                     "1: call0",
		"State=callerhungup":                     "1: call0",
		"State=CalleeHangUp":                     "1: call1",
		"State=CalleeHungUp":                     "1: call1",
		"State=Nonsense":                         "0:",
		"Type=audio":                             "4: 20GPS3 call2 call1 call0",
		"Type=Video":                             "0:",
		"Source=102&State=Busy":                  "0:",
		"General=bob":                            "3: call2 call1 call0",
		"General=20gps":                          "1: 20GPS3",
		"From=2013-08-13+07:02:50":               "2: 20GPS3 call2",
		"From=2013-08-13+07:02:51":               "1: 20GPS3",
		"From=2013-08-13T07:02:50":               "2: 20GPS3 call2",
		"From=2013-08-13":                        "4: 20GPS3 call2 call1 call0",
		"From=2013-08-14":                        "0:",
		"RowsPerPage=3":                          "4: 20GPS3 call2 call1",
		"RowsPerPage=3&PageNumber=1":             "4: call0",
		"RowsPerPage=3&PageNumber=2":             "4:",
		"RowsPerPage=1000&PageNumber=1073741824": "4:",
		"CallerId=&CallId=&Destination=&Dialed=&Direction=&From=&General=&PageNumber=&RowsPerPage=&Source=&State=&Type=": "4: 20GPS3 call2 call1 call0",
	} {
		for _, command := range []string{"ListCallHistory", "GetCallHistory"} {
			var v histories
			body := get(t, a, "command="+command+"&"+query+login)
			if err := xml.Unmarshal([]byte(body), &v); err != nil {
				t.Fatal(err)
			}
			list, total := v.List, v.TotalRecords
			if command == "GetCallHistory" {
				list, total = v.Calls, v.NumberOfCalls
				if strings.Contains(query, "RowsPerPage=3") {
					continue // its pages begin at the other end
				}
				slices.Reverse(list)
			}
			got := fmt.Sprintf("%d:", total)
			for _, c := range list {
				got += " " + c.CallId
			}
			if got != want || v.Code != 200 {
				t.Errorf("%s %s: got %s, want %s\n%s", command, query, got, want, body)
			}
		}
	}
}

// TestHistoryRefusals: a bad number, date or direction is refused by name; so is everything where no history is kept, and
// when it cannot be read.
func TestHistoryRefusals(t *testing.T) {
	a := newAPI(t, newSwitchboard(), Config{History: openHistory(t)})
	for query, param := range map[string]string{
		"PageNumber=-1": "PageNumber", "PageNumber=x": "PageNumber", "PageNumber=1.0": "PageNumber", "PageNumber=1073741825": "PageNumber",
		"PageNumber=99999999999999999999": "PageNumber", "RowsPerPage=0": "RowsPerPage", "RowsPerPage=1001": "RowsPerPage",
		"RowsPerPage=%2b5": "RowsPerPage", "From=yesterday": "From", "From=2013-02-30+00:00:00": "From", "From=17.01.2013": "From",
		"Direction=Up": "Direction", "Direction=Up&PageNumber=x": "Direction",
	} {
		expect(t, get(t, a, "command=listcallhistory&"+query+login), 302, "Missing or invalid parameter '"+param+"' for command 'listcallhistory'")
	}
	none := newAPI(t, newSwitchboard(), Config{})
	expect(t, get(t, none, "command=GetCallHistory"+login), 303, "Command 'GetCallHistory' cannot be used here: no history of calls is kept")
	broken := newAPI(t, newSwitchboard(), Config{History: unreadable{}})
	expect(t, get(t, broken, "command=ListCallHistory"+login), 303,
		"Command 'ListCallHistory' cannot be used here: the history of calls cannot be read, try again")
}

type unreadable struct{}

func (unreadable) Add(history.Record) {}
func (unreadable) Find(context.Context, history.Filter) ([]history.Record, int, error) {
	return nil, 0, errors.New("disk on fire")
}

// TestHistoryHostile: what a caller wrote into its name cannot break the document, nor a filter the query.
func TestHistoryHostile(t *testing.T) {
	s := openHistory(t)
	a := newAPI(t, newSwitchboard(), Config{History: s})
	r := sample()
	r.CallerID = `</CallerId>" OR 1=1; DROP TABLE calls; -- %_` + "\x00\xff"
	s.Add(r)
	for filter, found := range map[string]bool{`' OR 1=1 --`: false, `%`: true, `_"`: false, "\x00": true} {
		var v histories
		body := get(t, a, "command=ListCallHistory&General="+url.QueryEscape(filter)+login)
		if err := xml.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if (len(v.List) == 1) != found {
			t.Errorf("%q: %s", filter, body)
		}
		if found && v.List[0].CallerId != `</CallerId>" OR 1=1; DROP TABLE calls; -- %_`+"\uFFFD\uFFFD" {
			t.Errorf("got %q", v.List[0].CallerId)
		}
	}
}

// TestListExtensions: phones and API extensions by number, and the filter by type, byte for byte (spec ozeki 8.16, 8.17).
func TestListExtensions(t *testing.T) {
	a := newAPI(t, newSwitchboard(), Config{
		Phones:     func() []Phone { return []Phone{{"1000", true}, {"101", false}, {"*5", true}, {"99", false}} },
		Extensions: []Extension{{Number: "102", Name: "IVR"}},
	})
	head := openList + " <Code>200</Code> <Message>" + done + "</Message> "
	row := func(number, kind, state string) string {
		return "<ExtensionSummary> <Id>" + number + "@localhost</Id> <PhoneNumber>" + number + "</PhoneNumber> <Type>" + kind +
			"</Type> <State>" + state + "</State> </ExtensionSummary> "
	}
	api := row("102", "API extension", "Connected")
	rest := row("1000", "Phone", "Connected") + row("*5", "Phone", "Connected")
	phones := row("99", "Phone", "Disconnected") + row("101", "Phone", "Disconnected")
	for query, want := range map[string]string{
		"ListExtensions":                      "<Extensions> " + phones + api + rest + "</Extensions>",
		"ListExtensions&Type=":                "<Extensions> " + phones + api + rest + "</Extensions>",
		"ListExtensions&type=phone":           "<Extensions> " + phones + rest + "</Extensions>",
		"ListExtensions&Type=API%20Extension": "<Extensions> " + api + "</Extensions>",
		"ListExtensions&Type=Fax":             "<Extensions></Extensions>",
		"ListExtensionTypes":                  "<ExtensionTypes> <ExtensionType>Phone</ExtensionType> <ExtensionType>API extension</ExtensionType> </ExtensionTypes>",
	} {
		if got, want := get(t, a, "command="+query+login), head+want+" </Response>"; got != want {
			t.Errorf("%s\ngot  %s\nwant %s", query, got, want)
		}
	}
	// The vendor's sample, as far as its types are ours.
	one := newAPI(t, newSwitchboard(), Config{Phones: func() []Phone { return []Phone{{"101", false}} }})
	if got, want := get(t, one, "command=ListExtensions"+login), oneLine(fixture(t, "extensions.xml")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	none := newAPI(t, newSwitchboard(), Config{})
	if got, want := get(t, none, "command=ListExtensions"+login), head+"<Extensions></Extensions> </Response>"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestHistoryOnDisk: what a call became is found by a later run.
func TestHistoryOnDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.db")
	for run := range 2 {
		s, err := history.Open(history.Config{File: file})
		if err != nil {
			t.Fatal(err)
		}
		b := newSwitchboard()
		a := newAPI(t, b, Config{History: s}, "20GPS3")
		if run == 0 {
			seedCalls(b)
			b.end(2)
		}
		a.Close() // the call that is still on counts as aborted
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s, err = history.Open(history.Config{File: file})
		if err != nil {
			t.Fatal(err)
		}
		page, total, err := s.Find(t.Context(), history.Filter{Oldest: true})
		if err != nil || total != 2 || page[0].CallID != "20GPS3" || page[0].State != aborted || page[0].Ring != 749*time.Millisecond {
			t.Errorf("run %d: %+v, %v", run, page, err)
		}
		s.Close()
	}
	if _, err := os.Stat(file + ".spill"); err == nil {
		t.Error("something was spilled")
	}
}
