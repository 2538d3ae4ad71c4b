package ozeki

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// notifications.md names every field that is posted, every state and every result.
func TestNotificationsTold(t *testing.T) {
	b, err := os.ReadFile("notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	told := string(b)
	s := &callstate.Summary{}
	names := []string{stateRinging, stateAnswered, stateInCall, stateHold}
	for _, f := range []form{
		callChanged("", "", s, callstate.Time{}), routingInterception("", callstate.Notice{Summary: s}), toExtension("IncomingCall", "", "", s),
		finished("CallFinished", "", "", s, callstate.Time{}), errorForm("", ozml.Fault{Reason: "a", Element: "b", Line: 1}),
	} {
		fields, err := url.ParseQuery(string(f))
		if err != nil || len(fields) < 3 {
			t.Fatalf("%s: %v", f, err)
		}
		for name := range fields {
			names = append(names, name)
		}
		names = append(names, fields.Get("NotificationName"))
	}
	for _, e := range endings {
		names = append(names, e.state, e.before, e.after)
	}
	for _, name := range names {
		if name != "" && name != redirected && !strings.Contains(told, "`"+name+"`") {
			t.Errorf("it does not tell of %s", name)
		}
	}
}
