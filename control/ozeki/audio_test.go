package ozeki

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ringdown/callstate"
)

// TestAudioByURL: the answer comes when it begins (spec ozeki 8.12, 8.13).
func TestAudioByURL(t *testing.T) {
	for _, row := range []struct {
		query   string
		mute    bool
		code    int
		message string
		want    callstate.Request
	}{
		{"Play&AudioFile=hello.wav&Party=caller", false, 200, done, callstate.Play{To: callstate.Caller, Clip: "hello.wav"}},
		{"Play&AudioFile=hello.wav&Party=all&Repeat=TRUE&Timeout=10", false, 200, done,
			callstate.Play{To: callstate.All, Clip: "hello.wav", Repeat: true, Limit: 10 * time.Second}},
		{"Play&AudioFile=hello.wav&Party=all&Repeat=false&Timeout=0", false, 200, done, callstate.Play{To: callstate.All, Clip: "hello.wav"}},
		{"Play&AudioFile=hello.wav", false, 302, "Missing or invalid parameter 'Party' for command 'Play'", nil},
		{"Play&Party=all", false, 302, "Missing or invalid parameter 'AudioFile' for command 'Play'", nil},
		{"Play&AudioFile=missing.wav&Party=all", false, 302, "Missing or invalid parameter 'AudioFile' for command 'Play'", nil},
		{"Play&AudioFile=hello.wav&Party=all&Timeout=-1", false, 302, "Missing or invalid parameter 'Timeout' for command 'Play'", nil},
		{"Speak&Text=Hello+world&Language=en-us&Voice=Microsoft+Anna", false, 200, done, callstate.Play{To: callstate.All, Clip: "Hello world"}},
		{"Speak&Text=Hello&Party=callee", false, 200, done, callstate.Play{To: callstate.Callee, Clip: "Hello"}},
		{"Speak&Party=callee", false, 302, "Missing or invalid parameter 'Text' for command 'Speak'", nil},
		{"Speak&Text=Hello", true, 303, "Command 'Speak' cannot be used here", nil},
		{"Beep", false, 303, "Command 'Beep' cannot be used here", nil},
	} {
		t.Run(row.query, func(t *testing.T) {
			inBubble(t, ivr(&studio{mute: row.mute}), func(t *testing.T, b *switchboard, app *application, a *API) {
				b.start(conversation(7, callstate.ShownInCall))
				began := time.Now()
				expect(t, get(t, a, "CallId=Nt3uh&command="+row.query+login), row.code, row.message)
				if time.Since(began) != 0 {
					t.Error("it waited")
				}
				var got callstate.Request
				if r := b.requests(); len(r) > 0 {
					got = r[0].req
				}
				if got != row.want {
					t.Errorf("asked %+v, want %+v", got, row.want)
				}
				if row.mute { // never silence
					expectErrors(t, app, "303 "+row.message)
				} else {
					expectErrors(t, app)
				}
			})
		})
	}
}

// TestSlowAudio: audio that is not ready in time is given up; the call has not been asked.
func TestSlowAudio(t *testing.T) {
	inBubble(t, ivr(&studio{slow: time.Hour}), func(t *testing.T, b *switchboard, app *application, a *API) {
		b.start(conversation(7, callstate.ShownInCall))
		began := time.Now()
		expect(t, get(t, a, "command=Speak&Text=x&CallId=Nt3uh"+login), 303, "Command 'Speak' cannot be used here")
		if took := time.Since(began); took != soundTimeout {
			t.Errorf("after %v", took)
		}
		expectRequests(t, b, 7, "")
	})
}

// TestNoAudio: a switch without a media folder and speech says so.
func TestNoAudio(t *testing.T) {
	b := newSwitchboard()
	a := newAPI(t, b, Config{}, "Nt3uh")
	b.start(conversation(7, callstate.ShownInCall))
	for _, name := range []string{"Play&AudioFile=a.wav&Party=all", "Speak&Text=x"} {
		expect(t, get(t, a, "CallId=Nt3uh&command="+name+login), 303, "Command '"+name[:strings.IndexByte(name, '&')]+"' cannot be used here")
	}
}

// TestWhatIsLogged of scripts: their elements, not what they say, nor where their application is.
func TestWhatIsLogged(t *testing.T) {
	var log bytes.Buffer
	c := ivr(&studio{})
	c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Extensions[0].URL = "http://bob:hidden1@app.example/incoming?token=hidden2"
	inBubble(t, c, func(t *testing.T, b *switchboard, app *application, a *API) {
		app.page = answers(map[string]string{"IncomingCall": script(`<Speak>hidden3</Speak><Foo Password="hidden4"/><Hold x="Password=hidden5"/><GoTo>?token=hidden6</GoTo>`),
			"GoTo": "<hidden7"})
		b.ring(7, "9990")
		time.Sleep(time.Minute)
	})
	text := log.String()
	if strings.Contains(text, "hidden") || !strings.Contains(text, `msg="ozml element" element=Speak line=1 code=200 call_id=Nt3uh`) ||
		!strings.Contains(text, "receiver=app.example") {
		t.Error(text)
	}
}
