package main

import (
	"fmt"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// The prompts of the small IVR, as tones: the application's files.
const (
	menuTone  = 540
	salesTone = 820
	sorryTone = 1150
)

// mainMenu is a small IVR: 1 asks the application for more, 2 goes to bob, 34 to a prompt, anything else begins again.
var mainMenu = script(`<Var id="menu">540.wav</Var>`,
	`<UserInput timeout="5" repeat="true" digits="2">
		<InitialCommands> <Play>$menu</Play> </InitialCommands>
		<Inputs>
			<Input key="1"> <GoTo>/press1</GoTo> </Input>
			<Input key="2"> <BlindTransfer>2001</BlindTransfer> <Play>1150.wav</Play> </Input>
			<Input key="34"> <Play>820.wav</Play> <Hangup/> </Input>
		</Inputs>
	</UserInput>`)

// ways are how a phone sends its keys.
var ways = map[string]struct {
	config func(*phone.Config)
	press  func(r *rig, c *phone.Call, key rune)
}{
	"RFC 4733": {func(*phone.Config) {}, func(r *rig, c *phone.Call, key rune) {
		r.ok(c.Media.SendDigit4733(key, 100))
	}},
	"INFO": {noEvents, func(r *rig, c *phone.Call, key rune) {
		_, err := c.SendDigitInfo(r.ctx, key, 160, phone.DTMFRelay)
		r.ok(err)
	}},
	"in-band": {noEvents, func(r *rig, c *phone.Call, key rune) {
		r.ok(c.Media.SendDigitInband(key, 100))
	}},
}

// An IVR is walked by a phone that hears prompts and presses keys, in each way that there is.
func TestOzMLMenu(t *testing.T) {
	for way, by := range ways {
		t.Run(way, func(t *testing.T) {
			folder := sounds(t, 2, menuTone, salesTone, sorryTone)
			scene(t, func(r *rig) {
				r.app.answers(map[string]string{"/ivr": mainMenu,
					"/press1": script(`<Play>820.wav</Play>`, `<BlindTransfer>2002</BlindTransfer>`)})
				alice, bob, carol := r.phone("2000", by.config), r.phone("2001"), r.phone("2002")

				// Nobody presses anything: the menu is heard again. A key while it plays ends it at once.
				a := r.reception(alice)
				a.Media.SendSilence()
				r.ok(a.Media.WaitTone(r.ctx, menuTone))
				r.ok(a.Media.WaitSilence(r.ctx))
				r.ok(a.Media.WaitTone(r.ctx, menuTone))
				by.press(r, a, '3')
				r.pass(500 * time.Millisecond)
				r.unheard(a, menuTone)
				by.press(r, a, '4')
				r.ok(a.Media.WaitTone(r.ctx, salesTone))
				r.ended(a, 0)

				// 1: the application is asked, its script plays and sends the call on to carol, who answers.
				a = r.reception(alice)
				a.Media.SendSilence()
				r.ok(a.Media.WaitTone(r.ctx, menuTone))
				by.press(r, a, '1')
				r.ok(a.Media.WaitTone(r.ctx, salesTone))
				c := r.rung(carol)
				r.ringback(a)
				r.ok(c.Answer())
				r.tones(a, aliceTone, c, carolTone)
				r.oneStream(a)
				r.ok(c.Hangup())
				r.ends(a)
				n, _ := r.app.find("GoTo")
				r.same("who asked", [3]string{n.path, n.Get("ApiExtension"), n.Get("CallerId")}, [3]string{"/press1", "9990", "2000"})

				// 2: bob is busy, the script goes on after it, then the menu is heard again.
				a = r.reception(alice)
				a.Media.SendSilence()
				r.ok(a.Media.WaitTone(r.ctx, menuTone))
				by.press(r, a, '2')
				b := r.rung(bob)
				r.ok(b.Reject(486, "Busy Here"))
				r.ok(a.Media.WaitTone(r.ctx, sorryTone))
				r.ok(a.Media.WaitTone(r.ctx, menuTone))
				r.ok(a.Hangup())
			}, ivr, func(c *Config) { c.Media.Folder = folder })
		})
	}
}

// Spec ozeki 12, vectors 14 and 15, and 5.4: what becomes of a call at an API extension is what its application says.
func TestOzMLIncomingCall(t *testing.T) {
	for what, row := range map[string]struct {
		script string
		status int // that the caller gets instead of an answer
		after  time.Duration
	}{
		"Reject":                    {script(`<Reject></Reject>`), 603, 0},
		"Reject is not first":       {script(`<Delay>1</Delay>`, `<Reject/>`), 0, time.Second},
		"Delay and Speak":           {script(`<Delay>1</Delay>`, `<Speak>..</Speak>`), 0, 2 * time.Second},
		"Hangup":                    {script(`<Delay>1</Delay>`, `<Hangup/>`, `<Delay>9</Delay>`), 0, time.Second},
		"Exit":                      {script(`<Delay>1</Delay>`, `<Exit/>`, `<Delay>9</Delay>`), 0, time.Second},
		"empty":                     {"", 480, 0},
		"no script":                 {"<html><body>404</body></html>", 480, 0},
		"broken":                    {`<Response><SendDTMF Keys="1"><SendDTMF></Response>`, 480, 0},
		"no answer to be had (A12)": {hangs, 480, 0},
	} {
		t.Run(what, func(t *testing.T) {
			scene(t, func(r *rig) {
				r.app.answers(map[string]string{"/ivr": row.script})
				alice := r.phone("2000")
				start := time.Now()
				a, err := alice.Dial(r.ctx, "9990")
				r.ok(err)
				r.ok(a.WaitRinging(r.ctx))
				if row.status != 0 {
					r.ended(a, row.status)
					r.that(time.Since(start) < 6*time.Second, "it took %v", time.Since(start))
					return
				}
				r.ok(a.WaitAnswer(r.ctx))
				start = time.Now()
				r.ended(a, 0)
				took := time.Since(start)
				r.that(took >= row.after && took < row.after+500*time.Millisecond, "it lasted %v, expected %v", took, row.after)
			}, ivr, spoken(t))
		})
	}
}

// Call over the API: the application's script runs once the phone is picked up; a number that is busy is told at once, one
// that is not picked up later.
func TestOzMLCall(t *testing.T) {
	folder := sounds(t, 1, menuTone)
	scene(t, func(r *rig) {
		r.app.answers(map[string]string{"/connected": script(`<Play>540.wav</Play>`)})
		bob := r.phone("2001")
		r.code(200, "Call", "Dialed", "2001", "ApiExtension", "9990", "CallerId", "3000", "CallerDisplayName", "John Smith",
			"Url", applicationAt+"/connected", "FinishedUrl", applicationAt+"/finished")
		b := r.rung(bob)
		r.same("who calls", fmt.Sprint(requests(bob, "INVITE")[0].Get("From"))[:23], `"John Smith" <sip:3000@`)
		r.pass(50 * time.Millisecond)
		call := r.only()
		r.same("what is shown", [3]string{call.Source, call.Destination, call.CallState}, [3]string{"9990", "2001", "Ringing"})
		r.ok(b.Answer())
		b.Media.SendTone(bobTone)
		r.ok(b.Media.WaitTone(r.ctx, menuTone))
		r.ended(b, 0)
		r.oneStream(b)
		r.told("CallConnected")
		for range 100 {
			if r.pass(100 * time.Millisecond); slicesHas(r.app.taken(), "/finished") {
				break
			}
		}
		r.that(slicesHas(r.app.taken(), "/finished"), "FinishedUrl was not requested")

		r.code(402, "Call", "Dialed", "2005", "ApiExtension", "9990", "Url", applicationAt+"/connected") // nobody is registered there
		r.code(401, "Call", "Dialed", "2001", "ApiExtension", "9986", "Url", applicationAt+"/connected")
		r.code(302, "Call", "Dialed", "20;01", "ApiExtension", "9990")

		r.code(200, "Call", "Dialed", "2001", "ApiExtension", "9990", "RingTime", "3", "ErrorUrl", applicationAt+"/failed")
		b = r.rung(bob)
		r.ended(b, 487)
		n := r.told("Error")
		r.same("the error", [3]string{n.path, n.Get("Code"), n.Get("Message")},
			[3]string{"/failed", "402", "Call connect to '2001' failed with result state 'NotAnswered'"})
	}, ivr, func(c *Config) { c.Media.Folder = folder })
}

func slicesHas(all []notification, path string) bool {
	for _, n := range all {
		if n.path == path {
			return true
		}
	}
	return false
}
