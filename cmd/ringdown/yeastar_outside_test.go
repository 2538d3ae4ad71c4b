package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringdown/bench/phone"
)

// outsideNumbers is outsideLines with the vendor's page's outside number, 5503301, behind the provider. Of the
// extensions 2001 alone may not call outside.
func outsideNumbers(c *Config) {
	outsideLines(c)
	c.Routes.Outbound = append(c.Routes.Outbound, OutboundRoute{Pattern: regexp.MustCompile("^5[0-9]+$"), Trunks: []string{"provider"}})
}

// outsideChannel is the channel id of the only member that a trunk leads to.
func (y *yeastarApp) outsideChannel() string {
	y.Helper()
	var v struct {
		Data []struct {
			Members []map[string]struct {
				Channel string `json:"channel_id"`
			}
		}
	}
	y.ok(json.Unmarshal([]byte(y.send("GET", "call/query", "").body), &v))
	for _, c := range v.Data {
		for _, m := range c.Members {
			for kind, of := range m {
				if kind != "extension" {
					y.that(strings.HasPrefix(of.Channel, "PJSIP/trunk-provider-endpoint-"), "channel %s", of.Channel)
					return of.Channel
				}
			}
		}
	}
	y.Fatal("nobody is outside")
	return ""
}

// The vendor's page: 2005 transfers 2000 to 5503301, attended, by the right that dial_permission names; where it is
// missing, by its own. Who has none is refused, and nothing changes.
func TestYeastar_T17_AttendedToOutside(t *testing.T) {
	for _, row := range []struct {
		transferor, permission string
		allowed                bool
	}{
		{"2005", "2005", true}, {"2005", "", true}, {"2001", "2002", true},
		{"2001", "2001", false}, {"2001", "", false}, {"2005", "2001", false},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				gw, alice, bob := y.gateway(providerAt, nil), y.phone("2000"), y.phone(row.transferor)
				a, b := y.talk(alice, row.transferor, bob)
				params := `"number":"5503301"`
				if row.permission != "" {
					params += fmt.Sprintf(`,"dial_permission":%q`, row.permission)
				}
				got := y.transfer("attended", row.transferor, params)
				if !row.allowed {
					y.refuses(10005, got)
					y.pass(time.Second)
					y.received(gw, "INVITE 0")
					y.hear(a, bobTone, b, aliceTone)
					y.ok(a.Hangup())
					y.ends(b)
					return
				}
				y.does(got)
				c := y.rung(gw)
				y.same("number", c.Invite.URI, "sip:5503301@"+providerAt)
				y.ringback(b)
				y.pass(300 * time.Millisecond)
				y.music(a)
				y.ok(c.Answer())
				y.tones(b, bobTone, c, carolTone)
				y.does(y.transfer("attended", row.transferor, `"attended_operate":"complete"`))
				y.ended(b, 0)
				y.hear(a, carolTone, c, aliceTone)
				y.oneStream(a, c)
				y.does(y.post("call/hangup", fmt.Sprintf(`{"channel_id":%q}`, y.outsideChannel())))
				y.ends(a, c)
				y.that(!strings.Contains(strings.Join(y.events.taken(), ""), `"type":30013`), "told as a phone's transfer")
			}, outsideNumbers)
		})
	}
}

// Blind: the one that is moved needs the right, or dial_permission: an outside party never has one of its own.
func TestYeastar_T17_BlindToOutside(t *testing.T) {
	for _, row := range []struct {
		moved, permission string
		allowed           bool
	}{
		{"2000", "2000", true}, {"2000", "", true}, {"2001", "2002", true}, {"2001", "", false}, {"2000", "2001", false},
		{"outside", "2002", true}, {"outside", "", false}, {"outside", "2001", false},
	} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				gw, spare := y.gateway(providerAt, nil), y.gateway(spareAt, nil)
				var moved, stays *phone.Call
				var channel string
				if row.moved == "outside" {
					moved, stays = y.connect(gw, "sip:5503301@192.0.2.1", y.phone("2000"))
					channel = y.outsideChannel()
				} else {
					moved, stays = y.connect(y.phone(row.moved), "2003", y.phone("2003"))
					channel = y.channel(row.moved)
				}
				y.tones(moved, aliceTone, stays, bobTone)
				body := fmt.Sprintf(`{"type":"blind","channel_id":%q,"number":"9441234"`, channel)
				if row.permission != "" {
					body += fmt.Sprintf(`,"dial_permission":%q`, row.permission)
				}
				got := y.post("call/transfer", body+"}")
				if !row.allowed {
					y.refuses(10005, got)
					y.pass(time.Second)
					y.received(spare, "INVITE 0")
					y.hear(moved, bobTone, stays, aliceTone)
					y.ok(moved.Hangup())
					y.ends(stays)
					return
				}
				y.does(got)
				y.ended(stays, 0)
				c := y.rung(spare)
				y.same("number", c.Invite.URI, "sip:00441234@"+spareAt)
				y.ringback(moved)
				y.ok(c.Answer())
				y.tones(moved, aliceTone, c, carolTone)
				y.oneStream(moved, c)
				y.ok(c.Hangup())
				y.ends(moved)
			}, outsideNumbers)
		})
	}
}

// A caller from outside is transferred to an extension, in all ways of the API, and comes back to who sent it on when the
// extension does not answer.
func TestYeastar_T7_FromOutside(t *testing.T) {
	for _, how := range []string{"blind", "attended", "ringing", "busy"} {
		t.Run(how, func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				gw, alice, carol := y.gateway(providerAt, nil), y.phone("2000"), y.phone("2002")
				a, b := y.connect(gw, "sip:5503301@192.0.2.1", alice)
				y.tones(a, aliceTone, b, bobTone)
				if how == "blind" {
					y.does(y.post("call/transfer", fmt.Sprintf(`{"type":"blind","channel_id":%q,"number":"2002"}`, y.outsideChannel())))
				} else {
					y.does(y.transfer("attended", "2000", `"number":"2002"`))
				}
				c := y.rung(carol)
				shown := "sip:0044123@"
				if how != "blind" {
					shown = "sip:2000@"
				}
				y.that(strings.Contains(c.Invite.Get("From"), shown), "carol is shown %s", c.Invite.Get("From"))
				if how == "attended" {
					y.ok(c.Answer())
					y.tones(b, bobTone, c, carolTone)
				}
				if how != "blind" {
					y.does(y.transfer("attended", "2000", `"attended_operate":"complete"`))
				}
				y.ended(b, 0)
				switch how {
				case "busy":
					y.ok(c.Reject(486, ""))
					c = y.rung(alice)
					y.that(strings.Contains(c.Invite.Get("From"), "sip:0044123@"), "alice is shown %s", c.Invite.Get("From"))
					y.ok(c.Answer())
				case "blind", "ringing":
					y.ringback(a)
					y.ok(c.Answer())
				}
				y.tones(a, aliceTone, c, carolTone)
				y.oneStream(a, c)
				y.ok(a.Hangup())
				y.ends(c)
			}, outsideNumbers)
		})
	}
}

// literal is the msg of each event of these types, as it came.
func (y *yeastarApp) literal(types ...string) (list []string) {
	for _, text := range y.events.taken() {
		var e struct {
			Type int
			Msg  string
		}
		y.ok(json.Unmarshal([]byte(text), &e))
		for _, want := range types {
			if fmt.Sprint(e.Type) == want {
				list = append(list, want+" "+e.Msg)
			}
		}
	}
	return list
}

// 30013 of a call from outside, and of one to outside (spec yeastar-p 6.4, 6.8): the members as they were when the phone
// transferred, the trunk's among them, under the ids that call/query shows.
func TestYeastar_T1_OutsideIsReported(t *testing.T) {
	for _, inbound := range []bool{true, false} {
		t.Run(fmt.Sprint(inbound), func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				gw, alice, carol := y.gateway(providerAt, nil), y.phone("2000"), y.phone("2002")
				var far, near *phone.Call
				if inbound {
					far, near = y.connect(gw, "sip:5503301@192.0.2.1", alice)
				} else {
					near, far = y.connect(alice, "5503301", gw)
				}
				y.tones(far, aliceTone, near, bobTone)
				id, outside, own := y.calls()[0].CallID, y.outsideChannel(), y.channel("2000")
				m, err := near.Refer(y.ctx, "sip:2002@example.com")
				y.status(m, err, 202)
				c := y.rung(carol)
				y.ok(c.Answer())
				y.tones(far, aliceTone, c, carolTone)
				y.ends(near)
				want := `30013 {"call_id":"` + id + `","members":[{"inbound":{"from":"0044123","to":"2000","trunk_name":"provider","channel_id":"` + outside +
					`","member_status":"ANSWERED","call_path":""}},{"extension":{"number":"2000","channel_id":"` + own + `","member_status":"ANSWER","call_path":""}}]}`
				if !inbound {
					want = `30013 {"call_id":"` + id + `","members":[{"outbound":{"from":"2000","to":"5503301","trunk_name":"provider","channel_id":"` + outside +
						`","member_status":"ANSWER","call_path":""}},{"extension":{"number":"2000","channel_id":"` + own + `","member_status":"ANSWERED","call_path":""}}]}`
				}
				y.same("events", strings.Join(y.literal("30013", "30014"), "\n"), want)
				y.ok(far.Hangup())
				y.ends(c)
			}, outsideNumbers)
		})
	}
}

// 30014: an extension's setting sends a caller from outside on, to an extension and to an outside number (F6, F11).
func TestYeastar_F6_F11_OutsideIsForwarded(t *testing.T) {
	for _, to := range []string{"2002", "9441234"} {
		t.Run(to, func(t *testing.T) {
			yeastarScene(t, func(y *yeastarApp) {
				gw, spare, alice, carol := y.gateway(providerAt, nil), y.gateway(spareAt, nil), y.phone("2000"), y.phone("2002")
				a := y.dial(gw, "sip:5503301@192.0.2.1")
				y.ok(y.rings(alice).Reject(486, "Busy Here"))
				target := carol
				if to != "2002" {
					target = spare
				}
				c := y.rung(target)
				y.diverted(c, "0044123", "2000 user-busy")
				id, outside := y.calls()[0].CallID, y.outsideChannel()
				y.same("events", strings.Join(y.literal("30013", "30014"), "\n"), `30014 {"call_id":"`+id+`","members":[{"inbound":{"from":"0044123","to":"2000","trunk_name":"provider","channel_id":"`+
					outside+`","member_status":"ALERT","call_path":""}}]}`)
				y.ok(c.Answer())
				y.ok(a.WaitAnswer(y.ctx))
				y.tones(a, aliceTone, c, carolTone)
				y.ok(a.Hangup())
				y.ends(c)
			}, outsideNumbers, sends(map[string]Forward{"2000": {Busy: to}}))
		})
	}
}
