package ozeki

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"ringdown/callstate"
)

// logged is a config whose log is written to a buffer.
func logged(c Config) (Config, *bytes.Buffer) {
	log := &bytes.Buffer{}
	c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return c, log
}

// TestRequestReasons: the answer to a parameter that is missing or wrong is the documented one, and the log says which it was
// and what is wanted, never what was sent.
func TestRequestReasons(t *testing.T) {
	c, log := logged(ivr(&studio{}))
	c.History, c.Files = openHistory(t), fstest.MapFS{}
	b := newSwitchboard()
	a := newAPI(t, b, c, "Nt3uh")
	b.start(conversation(7, callstate.ShownInCall))
	for query, want := range map[string]string{
		"Hangup": "CallId: is missing",
		"ForwardCall&CallId=Nt3uh&Destination=sip:hidden":         "Destination: must be a number",
		"Play&CallId=Nt3uh&AudioFile=a.wav":                       "Party: is missing",
		"Play&CallId=Nt3uh&AudioFile=a.wav&Party=hidden":          "Party: must be caller, callee or all",
		"Play&CallId=Nt3uh&AudioFile=a&Party=all&Repeat=hidden":   "Repeat: must be true or false",
		"Play&CallId=Nt3uh&AudioFile=a&Party=all&Timeout=hidden":  "Timeout: must be a whole number of seconds from 1 to 86400",
		"SendDTMF&CallId=Nt3uh&Party=all&Keys=hidden":             "Keys: must be of 0-9 * # A-D and commas, at most 128",
		"Speak&CallId=Nt3uh":                                      "Text: is missing",
		"Record&CallId=Nt3uh&RecordPath=../hidden":                "RecordPath: must be a relative path of letters, digits, - _ and .",
		"Record&CallId=Nt3uh&Format=hidden":                       "Format: must be wav or mp3",
		"Record&CallId=Nt3uh&FinishDigits=hidden":                 "FinishDigits: must be of 0-9 * # A-D, at most 128",
		"Record&CallId=Nt3uh&FinishedUrl=http://hidden.example/x": "FinishedUrl: its host is not in ozeki.hosts",
		"Call&Dialed=2000&Url=hidden.php":                         "Url: is neither http:// nor https://",
		"Call&Dialed=2000&Url=http://hidden%20a":                  "Url: is no URL",
		"Call&Dialed=2000&Url=http://":                            "Url: names no host",
		"Call&Dialed=2000&RingTime=hidden":                        "RingTime: must be a whole number of seconds from 1 to 86400",
		"Call&Dialed=2000&CallerDisplayName=hidden%0a":            "CallerDisplayName: must be printable, at most 128 characters",
		"BlindTransfer&CallId=Nt3uh&Target=1&TransferorParty=all": "TransferorParty: must be caller or callee",
		"ListCallHistory&Direction=hidden":                        "Direction: must be Internal, External, Inbound or Outbound",
		"ListCallHistory&From=hidden":                             "From: must be a date, or a date and a time",
		"ListCallHistory&RowsPerPage=hidden":                      "RowsPerPage: must be a whole number from 1 to 1000",
	} {
		log.Reset()
		name, _, _ := strings.Cut(query, "&")
		param, _, _ := strings.Cut(want, ":")
		expect(t, get(t, a, "command="+query+login), 302, "Missing or invalid parameter '"+param+"' for command '"+name+"'")
		if text := log.String(); !strings.Contains(text, `reason="`+want+`"`) || strings.Contains(text, "hidden") {
			t.Errorf("%s: logged %s", query, text)
		}
	}
}

// TestTones are the two checks that only an element has.
func TestTones(t *testing.T) {
	for _, row := range [][2]string{{"frequency", "49"}, {"frequency", "3401"}, {"frequency", "a"}, {"duration", "0"}, {"duration", "61"}, {"duration", "NaN"}} {
		_, fault := byName["beep"].read(map[string]string{row[0]: row[1]}, place{script: true})
		if fault == nil || !strings.EqualFold(fault.name, row[0]) || !strings.HasPrefix(fault.why, "must be ") {
			t.Errorf("%v: %v", row, fault)
		}
	}
}
