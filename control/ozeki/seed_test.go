package ozeki

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"ringdown/callstate"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// seedCalls are the two calls of the vendor's sample of ListActiveCalls.
func seedCalls(b *switchboard) {
	b.now = moment(40 * time.Minute)
	b.start(callstate.Summary{
		ID: 1, State: callstate.ShownRinging,
		Caller: callstate.Party{Number: "103"}, Callee: callstate.Party{Number: "101"},
		CallerDialled: "101", CalleeDialled: "101",
		Started: moment(34*time.Minute + 7*time.Second), RingFrom: moment(40*time.Minute - 749*time.Millisecond),
	})
	answered := 40*time.Minute - 3056*time.Millisecond
	b.start(callstate.Summary{
		ID: 2, State: callstate.ShownInCall,
		Caller: callstate.Party{Number: "104"}, Callee: callstate.Party{Number: "105"},
		CallerDialled: "105", CalleeDialled: "105",
		Started: moment(35*time.Minute + 32*time.Second), RingFrom: moment(answered - 2351*time.Millisecond),
		Answered: moment(answered),
	})
}

// TestSeedList is spec ozeki 12, vector 1: the vendor's page, byte for byte.
func TestSeedList(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{}, "1vQHKd", "1zS1b3")
	seedCalls(b)
	got := get(t, a, "command=ListActiveCalls&Username=HTTP_User_1&Password=qwe123")
	if want := fixture(t, "list.xml"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestSeedSimple is spec ozeki 12, vectors 2 and 8: the requests and the answer of the vendor's pages.
func TestSeedSimple(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{}, "Nt3uh", "SdwQD")
	seedCalls(b)
	want := fixture(t, "simple.xml")
	for _, query := range []string{
		"command=ForwardCall&CallId=Nt3uh&Destination=104&Username=HTTP_User_1&Password=qwe123",
		"command=SendDTMF&CallId=SdwQD&Party=caller&Keys=01234&Username=HTTP_User_1&Password=qwe123",
	} {
		if got := get(t, a, query); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", query, got, want)
		}
	}
	got := fmt.Sprint(b.requests())
	wanted := fmt.Sprint([]asked{
		{1, callstate.ForwardCall{Destination: "104"}},
		{2, callstate.SendKeys{To: callstate.Caller, Keys: "01234"}},
	})
	if got != wanted {
		t.Errorf("got %s, want %s", got, wanted)
	}
	if list := get(t, a, "command=ListActiveCalls"+login); !strings.Contains(list, "<CallId>Nt3uh</CallId> "+
		"<Source>103</Source> <CallerId>103</CallerId> <Destination>104</Destination> "+
		"<CallerDialed>101</CallerDialed> <CalleeDialed>104</CalleeDialed>") {
		t.Errorf("the forwarded call is not in %s", list)
	}
}
