package ozeki

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"ringdown/callstate"
	"ringdown/control/ozml"
)

// journal is a log that may be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// logged is a config whose log is written to a buffer.
func logged(c Config) (Config, *journal) {
	log := &journal{}
	c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return c, log
}

// TestRequestReasons: the answer to a parameter that is missing or wrong is the documented one, and the log says which it was
// and what is wanted, never what was sent.
func TestRequestReasons(t *testing.T) {
	c, log := logged(ivr(&studio{}))
	c.Notify = Notify{}
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
		before := len(log.String())
		name, _, _ := strings.Cut(query, "&")
		param, _, _ := strings.Cut(want, ":")
		expect(t, get(t, a, "command="+query+login), 302, "Missing or invalid parameter '"+param+"' for command '"+name+"'")
		if text := log.String()[before:]; !strings.Contains(text, `reason="`+want+`"`) || strings.Contains(text, "hidden") {
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

// TestScriptReasons: the Error notification has the documented text, and beside it why, whose fault it was and where.
func TestScriptReasons(t *testing.T) {
	const goTo, target = "Missing or invalid parameter 'Url' for command 'GoTo'", "Missing or invalid parameter 'Target' for command 'BlindTransfer'"
	for elements, want := range map[string][4]string{
		"<Beep/>\n<GoTo>http://evil.example/hidden</GoTo>": {goTo, "GoTo", "2", "Url: its host is not in ozeki.hosts"},
		"<GoTo>http://app.exa mple/hidden</GoTo>":          {goTo, "GoTo", "1", "Url: is no URL"},
		"<GoTo>ftp://app.example/hidden</GoTo>":            {goTo, "GoTo", "1", "Url: is neither http:// nor https://"},
		"<GoTo>/down?hidden</GoTo>":                        {goTo, "GoTo", "1", "Url: the application did not answer: answered with 503"},
		"<GoTo>/hang</GoTo>":                               {goTo, "GoTo", "1", "Url: the application did not answer in time (ozeki.notify.timeout)"},
		"<GoTo>/empty?hidden</GoTo>":                       {goTo, "GoTo", "1", "Url: its answer is empty"},
		"<UserInput ForwardToUrl='/down?hidden'/>":         {"Missing or invalid parameter 'ForwardToUrl' for command 'UserInput'", "UserInput", "1", "ForwardToUrl: the application did not answer: answered with 503"},
		"<Speak></Speak>":                                  {"Missing or invalid parameter 'Text' for command 'Speak'", "Speak", "1", "Text: is missing"},
		"<SendDTMF Keys='hidden'/>":                        {"Missing or invalid parameter 'Keys' for command 'SendDTMF'", "SendDTMF", "1", "Keys: must be of 0-9 * # A-D and commas, at most 128"},
		"<Play>missing.wav</Play>":                         {"Missing or invalid parameter 'AudioFile' for command 'Play'", "Play", "1", "no such file"},
		"<BlindTransfer>2001</BlindTransfer>":              {target, "BlindTransfer", "1", "bad target (target): not registered"},
		"\n<hidden2/>":                                     {"Not implemented command: 'hidden2'", "hidden2", "2", ""},
		"<Delay>hidden</Delay>":                            {"Missing or invalid parameter 'Time' for command 'Delay'", "Delay", "1", "Time: must be seconds from 0 to 86400"},
	} {
		t.Run(elements, func(t *testing.T) {
			c, log := logged(ivr(&studio{}))
			inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = func(r told) string {
					switch path, _, _ := strings.Cut(r.path, "?"); path {
					case "/incoming":
						a.sessions.find(7).keys.Press('1')
						return script(elements)
					case "/down":
						return "status 503"
					case "/hang":
						return "hang"
					}
					return ""
				}
				b.known = []string{}
				b.ring(7, "9990")
				time.Sleep(time.Minute)
				all := app.all("Error")
				if len(all) != 1 {
					t.Fatalf("told %v", all)
				}
				e := all[0]
				if got := [4]string{e.Get("Message"), e.Get("Element"), e.Get("Line"), e.Get("Reason")}; got != want {
					t.Errorf("got  %v\nwant %v", got, want)
				}
			})
			text := log.String()
			if want[3] != "" && !strings.Contains(text, `reason="`+want[3]+`"`) || strings.Contains(strings.ReplaceAll(text, "hidden2", ""), "hidden") {
				t.Errorf("logged %s", text)
			}
			if name := want[1]; name != "hidden2" && name != "Delay" && !strings.Contains(text, `level=INFO msg="ozml element" element=`+name+" line="+want[2]+" code=302") {
				t.Errorf("no line of its own: %s", text)
			}
		})
	}
}

// TestEndIsNoFault: an element that ends with its call is no fault, neither to an application nor to the log.
func TestEndIsNoFault(t *testing.T) {
	for name, row := range map[string]struct {
		slow time.Duration
		end  func(b *switchboard)
	}{
		"while a text is made": {time.Minute, func(b *switchboard) { b.end(7) }},
		"before its last notice": {0, func(b *switchboard) {
			s := *b.Get(7)
			b.mu.Lock()
			delete(b.calls, 7)
			b.mu.Unlock()
			time.Sleep(1500 * time.Millisecond) // half a second after Speak was refused: nothing of the script may follow
			s.Ended, s.Legs = b.Now(), nil
			b.tell(callstate.NoticeEnded, s)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, log := logged(ivr(&studio{slow: row.slow}))
			inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
				app.page = answers(map[string]string{"IncomingCall": script("<Delay>2</Delay><Speak>a</Speak><GoTo>/more</GoTo>")})
				b.ring(7, "9990")
				time.Sleep(time.Second)
				if row.slow > 0 {
					time.Sleep(2 * time.Second)
				}
				row.end(b)
				time.Sleep(time.Minute)
				expectErrors(t, app)
				if len(app.all("GoTo")) > 0 {
					t.Error("the script went on after the end of its call")
				}
			})
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "WARN") || strings.Contains(line, "ozml element") && !strings.Contains(line, "DEBUG") && !strings.Contains(line, "code=200") {
					t.Error(line)
				}
			}
		})
	}
}

// TestFaultsDoNotFlood: of a script that always fails the log has one line a minute with a count; each fault is told.
func TestFaultsDoNotFlood(t *testing.T) {
	c, log := logged(ivr(&studio{}))
	const line = `level=WARN msg="a script or an application is at fault"`
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script("<Foo/><Reject/>")})
		for id := range 50 {
			b.ring(callstate.CallID(7+id), "9990")
		}
		time.Sleep(faultsQuiet)
		if n := strings.Count(log.String(), line); n != 2 { // one for each of the two elements
			t.Errorf("%d lines", n)
		}
		b.ring(100, "9990")
		time.Sleep(time.Second)
		b.ring(101, "9990")
		time.Sleep(time.Second)
		if text := log.String(); strings.Count(text, line) != 4 || strings.Count(text, "more_before=49") != 2 {
			t.Error(text)
		}
		if n := len(app.all("Error")); n != 104 {
			t.Errorf("%d told", n)
		}
	})
	if text := log.String(); !strings.Contains(text, "more often than the log has told\" more=2") {
		t.Error(text)
	}
}

// TestFaultLogBounded: kinds without end share one line.
func TestFaultLogBounded(t *testing.T) {
	l := faultLog{list: map[faultKind]*faultCount{}}
	now, lines := time.Now(), 0
	for i := range 10 * maxFaults {
		if due, _ := l.due("a", ozml.Fault{Code: i}, now); due {
			lines++
		}
	}
	if lines != maxFaults+1 || len(l.list) != maxFaults+1 || l.untold() != 10*maxFaults-lines {
		t.Errorf("%d lines, %d kinds, %d untold", lines, len(l.list), l.untold())
	}
	if due, _ := l.due("a", ozml.Fault{Code: -1}, now.Add(faultsQuiet)); !due || len(l.list) != 1 || l.untold() != 10*maxFaults-lines {
		t.Errorf("%d kinds, %d untold", len(l.list), l.untold())
	}
}
