package yeastar

import (
	"context"
	"net/url"
	"strconv"
	"testing"
	"time"

	"ringdown/callstate"
)

func itoa(n int) string { return strconv.Itoa(n) }

var (
	aliceLeg = callstate.LegID{Call: 338, N: 1}
	bobLeg   = callstate.LegID{Call: 338, N: 2}
)

// TestTransferRequests: what is asked of the call (spec yeastar-p 5.1).
func TestTransferRequests(t *testing.T) {
	for body, want := range map[string]callstate.Request{
		`{"type":"blind","channel_id":"` + alice + `","number":"2008"}`:                                 callstate.MoveLeg{Leg: aliceLeg, Target: "2008"},
		`{"type":"blind","channel_id":"` + bob + `","number":2008,"dial_permission":2000}`:              callstate.MoveLeg{Leg: bobLeg, Target: "2008", Rights: "2000"},
		`{"type":"blind","channel_id":"` + alice + `","number":"+36-5503301","dial_permission":"2005"}`: callstate.MoveLeg{Leg: aliceLeg, Target: "+36-5503301", Rights: "2005"},
		`{"type":"blind","channel_id":"` + bob + `","number":"2008","attended_operate":""}`:             callstate.MoveLeg{Leg: bobLeg, Target: "2008"},
		`{"type":"blind","channel_id":"` + bob + `","number":"2008","attended_operate":null,"x":{}}`:    callstate.MoveLeg{Leg: bobLeg, Target: "2008"},
		`{"type":"attended","channel_id":"` + bob + `","number":"2008"}`:                                callstate.Consult{Transferor: bobLeg, Target: "2008"},
		`{"type":"attended","channel_id":"` + bob + `","attended_operate":"abort"}`:                     callstate.Operate{Transferor: bobLeg, Do: callstate.Abort},
		`{"type":"attended","channel_id":"` + bob + `","attended_operate":"complete"}`:                  callstate.Operate{Transferor: bobLeg, Do: callstate.Complete},
		`{"type":"attended","channel_id":"` + bob + `","attended_operate":"threeway"}`:                  callstate.Operate{Transferor: bobLeg, Do: callstate.Threeway},
		`{"type":"attended","channel_id":"` + bob + `","attended_operate":"swap"}`:                      callstate.Operate{Transferor: bobLeg, Do: callstate.Swap},
		`{"type":"attended","channel_id":"` + bob + `","attended_operate":"swap","number":"2008"}`:      callstate.Operate{Transferor: bobLeg, Do: callstate.Swap},
	} {
		d := newDesk()
		c := newClient(t, newAPI(t, d))
		d.talking()
		got := c.post("call/transfer", body)
		c.expect(body, got, 0)
		if got.CallID != "1650029138.338" {
			t.Errorf("%s: call_id %q", body, got.CallID)
		}
		if asked := d.requests(); len(asked) != 1 || asked[0] != want {
			t.Errorf("%s: asked %+v, want %+v", body, asked, want)
		}
	}
}

// TestOperateWithNumber: where there is nothing to operate on, the number begins a consultation.
func TestOperateWithNumber(t *testing.T) {
	d := newDesk()
	c := newClient(t, newAPI(t, d))
	d.talking()
	swap := callstate.Operate{Transferor: bobLeg, Do: callstate.Swap}
	d.replies[swap] = &callstate.Error{Kind: callstate.WrongState}
	c.expect("both", c.post("call/transfer", `{"type":"attended","channel_id":"`+bob+`","attended_operate":"swap","number":"2008","dial_permission":"2000"}`), 0)
	consult := callstate.Consult{Transferor: bobLeg, Target: "2008", Rights: "2000"}
	if asked := d.requests(); len(asked) != 2 || asked[0] != swap || asked[1] != consult {
		t.Errorf("asked %+v", asked)
	}
	c.expect("alone", c.post("call/transfer", `{"type":"attended","channel_id":"`+bob+`","attended_operate":"swap"}`), -1)
}

// TestTransferRefusals: nothing is asked of the call.
func TestTransferRefusals(t *testing.T) {
	d := newDesk()
	c := newClient(t, newAPI(t, d))
	d.talking()
	for body, code := range map[string]errcode{
		``:   40002,
		`{}`: 40002,
		`{"channel_id":"` + bob + `","number":"2008"}`:                                              40002,
		`{"type":"consult","channel_id":"` + bob + `","number":"2008"}`:                             40002,
		`{"type":"blind","number":"2008"}`:                                                          40002,
		`{"type":"blind","channel_id":"","number":"2008"}`:                                          40002,
		`{"type":"blind","channel_id":"` + bob + `"}`:                                               40002,
		`{"type":"blind","channel_id":"` + bob + `","number":null}`:                                 40002,
		`{"type":"blind","channel_id":"` + bob + `","number":"20;08"}`:                              40002,
		`{"type":"blind","channel_id":"` + bob + `","number":"2008\r\nX: y"}`:                       40002,
		`{"type":"blind","channel_id":"` + bob + `","number":"2008","attended_operate":"complete"}`: 40002,
		`{"type":"blind","channel_id":"` + bob + `","number":"2008","dial_permission":"5503301"}`:   40002,
		`{"type":"attended","channel_id":"` + bob + `"}`:                                            40002,
		`{"type":"attended","channel_id":"` + bob + `","attended_operate":"undo"}`:                  40002,
		`{"type":"attended","channel_id":"` + bob + `","number":"2008","dial_permission":"nobody"}`: 40002,
		`{"type":"blind","channel_id":"PJSIP/2000-000000ff","number":"2008"}`:                       70130,
		`{"type":"attended","channel_id":"PJSIP/2000-000000ff","attended_operate":"abort"}`:         70130,
		`{"type":"blind","channel_id":"` + bob + `","number":["2008"]}`:                             40001,
		`{"type":"blind","channel_id":"` + bob + `","number":{"a":1}}`:                              40001,
		`{"type":"blind","channel_id":"` + bob + `","number":true}`:                                 40001,
		`{"type":"blind","channel_id":"` + bob + `","number":20.08}`:                                40001,
		`{"type":"blind","channel_id":"` + bob + `","number":"2008"`:                                40001,
		`{"type":"blind","channel_id":"` + bob + `","number":"2008"}}`:                              40001,
		`["blind"]`:  40001,
		`"blind"`:    40001,
		`type=blind`: 40001,
		"\xff":       40001,
	} {
		c.expect(body, c.post("call/transfer", body), code)
	}
	if asked := d.requests(); len(asked) != 0 {
		t.Errorf("asked %+v", asked)
	}
}

// TestRefusalsOfTheCall: the answer of the call itself becomes an errcode.
func TestRefusalsOfTheCall(t *testing.T) {
	for kind, code := range map[callstate.ErrorKind]errcode{
		callstate.NoSuchCall: 70130, callstate.NoSuchLeg: 70130, callstate.WrongState: -1, callstate.InProgress: -1, callstate.Overloaded: -1,
		callstate.Unsupported: -1, callstate.BadTarget: 40002, callstate.BadRequest: 40002, callstate.Denied: 10005,
	} {
		d := newDesk()
		c := newClient(t, newAPI(t, d))
		d.talking()
		d.do = func(context.Context) error { return &callstate.Error{Kind: kind} }
		for path, body := range everyCommand {
			got := c.post(path, body)
			c.expect(string(kind)+" "+path, got, code)
			if got.CallID != "" {
				t.Errorf("%s: a refusal names a call: %s", path, got.body)
			}
		}
	}
	d := newDesk()
	c := newClient(t, newAPI(t, d, func(c *Config) { c.Timeout = time.Millisecond }))
	d.talking()
	d.do = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	c.expect("no answer", c.post("call/hangup", everyCommand["call/hangup"]), 2)
	d.do = func(context.Context) error { return context.Canceled }
	c.expect("odd", c.post("call/hangup", everyCommand["call/hangup"]), -2)
}

var everyCommand = map[string]string{
	"call/transfer": `{"type":"blind","channel_id":"` + bob + `","number":"2008"}`,
	"call/hangup":   `{"channel_id":"` + bob + `"}`,
	"call/hold":     `{"channel_id":"` + bob + `"}`,
	"call/unhold":   `{"channel_id":"` + bob + `"}`,
}

// TestLegRequests: hangup, hold and unhold name one member, in the body or in the query (spec yeastar-p 8).
func TestLegRequests(t *testing.T) {
	for path, want := range map[string]callstate.Request{
		"call/hangup": callstate.EndLeg{Leg: bobLeg}, "call/hold": callstate.HoldLeg{Leg: bobLeg},
		"call/unhold": callstate.UnholdLeg{Leg: bobLeg},
	} {
		d := newDesk()
		c := newClient(t, newAPI(t, d))
		d.talking()
		c.expect(path, c.post(path, `{"channel_id":"`+bob+`"}`), 0)
		c.expect(path, c.send("POST", path, "channel_id="+url.QueryEscape(bob)+"&access_token="+c.token, ""), 0)
		c.expect(path, c.send("POST", path, "access_token="+c.token+"&channel_id="+url.QueryEscape(bob), `{"channel_id":null}`), 0)
		c.expect(path, c.post(path, `{}`), 40002)
		c.expect(path, c.post(path, `{"channel_id":"PJSIP/2005-ffffffff"}`), 70130)
		c.expect(path, c.post(path, `{"channel_id":["`+bob+`"]}`), 40001)
		if asked := d.requests(); len(asked) != 3 || asked[0] != want || asked[1] != want || asked[2] != want {
			t.Errorf("%s: asked %+v", path, asked)
		}
		d.tell(callstate.NoticeEnded, call())
		c.expect(path+" afterwards", c.post(path, `{"channel_id":"`+bob+`"}`), 70130)
	}
	c := newClient(t, newAPI(t, newDesk()))
	c.expect("paging", c.post("call/hangup", `{"paging_number":"6300"}`), 40002)
}

// TestQuery: the literal answer (spec yeastar-p 4.2) and each filter.
func TestQuery(t *testing.T) {
	d := newDesk()
	c := newClient(t, newAPI(t, d))
	const empty = `{"errcode":0,"errmsg":"SUCCESS","data":[]}`
	const full = `{"errcode":0,"errmsg":"SUCCESS","data":[{"call_id":"1650029138.338","members":[` +
		`{"extension":{"number":"2000","channel_id":"PJSIP/2000-000000ae","member_status":"ANSWERED","call_path":""}},` +
		`{"extension":{"number":"2005","channel_id":"PJSIP/2005-000000af","member_status":"ANSWER","call_path":""}}]}]}`
	if got := c.get("call/query", "").body; got != empty {
		t.Errorf("got %s", got)
	}
	d.talking()
	for query, want := range map[string]string{
		"": full, "call_id=1650029138.338": full, "extension=2000": full, "extension=2005": full, "number=2005": full,
		"from=2000": full, "type=internal": full, "type=Internal&extension=2000": full, "call_id=&from=": full,
		"call_id=1650029138.339": empty, "extension=2001": empty, "number=200": empty, "from=2005": empty,
		"type=inbound": empty, "type=outbound": empty, "from=2000&extension=2001": empty,
	} {
		if got := c.get("call/query", query).body; got != want {
			t.Errorf("%s: got %s", query, got)
		}
	}
}
