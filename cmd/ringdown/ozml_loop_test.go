package main

import (
	"testing"
	"time"

	"ringdown/bench/phone"
)

// An application that sends its calls on to itself would do so for ever, as fast as it answers: that is bounded, and its
// fault tells why. Menus that send a caller to and fro are not bounded as long as something is heard or pressed.
func TestOzMLSentOnForEver(t *testing.T) {
	folder := sounds(t, 0.2, menuTone)
	for name, x := range map[string]struct {
		first, wants string // the elements before BlindTransfer; a fault
		presses      bool
	}{
		"nothing": {"", "302 Missing or invalid parameter 'Target' for command 'BlindTransfer'", false},
		"a clip":  {`<Play>540.wav</Play>`, "", false},
		"a key":   {`<UserInput Timeout="60"><Inputs><Input Key="1"/></Inputs></UserInput>`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			scene(t, func(r *rig) {
				r.app.answers(map[string]string{"/ivr": script(x.first, `<BlindTransfer>9990</BlindTransfer>`)})
				a := r.reception(r.phone("2000"))
				a.Media.SendSilence()
				for range 40 {
					if r.pass(500 * time.Millisecond); x.presses {
						_, err := a.SendDigitInfo(r.ctx, '1', 160, phone.DTMFRelay)
						r.ok(err)
					}
				}
				asked, faults := 0, ""
				for _, n := range r.app.taken() {
					if n.name() == "IncomingCall" {
						asked++
					} else if n.name() == "Error" {
						faults += n.Get("Code") + " " + n.Get("Message") + "\n"
					}
				}
				if x.wants != "" {
					r.that(faults == x.wants+"\n", "the faults: %q", faults)
					r.that(asked == 21, "it was asked %d times", asked)
					r.ended(a, 0)
					return
				}
				r.same("the faults", faults, "")
				r.that(asked > 25 && asked < 200, "it was asked %d times", asked)
				r.ok(a.Hangup())
			}, ivr, func(c *Config) { c.Media.Folder = folder; c.Ozeki.Notify.Error = applicationAt + "/errors" })
		})
	}
}
