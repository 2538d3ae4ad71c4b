package yeastar

import (
	"encoding/json"
	"testing"

	"ringdown/callstate"
)

// FuzzBody: whatever a body holds, the answer is one documented object, and what is asked of the call is a number that
// may stand in a SIP URI (edge case A16).
func FuzzBody(f *testing.F) {
	for _, body := range everyCommand {
		f.Add(body)
	}
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"type":`, `{"type":"attended","channel_id":"` + bob + `","attended_operate":"swap"}`,
		`{"type":"attended","channel_id":"` + alice + `","number":5503301}`, "{\"type\":\"blind\",\"number\":\"\\u0000\"}",
		`{"type":"blind","channel_id":"` + bob + `","number":"2008\r\nX"}`, `{"type":"blind","type":"attended"}`,
		`{"a":{"a":{"a":{"a":[[[[[1]]]]]}}}}`, `{"type":"blind","channel_id":"` + bob + `","number":1e400}`,
	} {
		f.Add(body)
	}
	d := newDesk()
	c := newClient(f, newAPI(f, d, func(c *Config) { c.Log = nil }))
	d.talking()
	f.Fuzz(func(t *testing.T, body string) {
		c := &client{TB: t, api: c.api, token: c.token}
		for path, e := range endpoints {
			if path == "del_token" || path == "refresh_token" || path == "get_token" {
				continue
			}
			got := c.send(e.method, path, "access_token="+c.token, body)
			if got.Message != messages[errcode(got.Code)] {
				t.Errorf("%s: %s", path, got.body)
			}
		}
		for _, req := range d.requests() {
			number := ""
			switch r := req.(type) {
			case callstate.MoveLeg:
				number = r.Target
			case callstate.Consult:
				number = r.Target
			}
			for _, b := range []byte(number) {
				if b <= ' ' || b >= 0x7f || b == '@' || b == ';' || b == '"' || b == '<' {
					t.Errorf("asked %+v", req)
				}
			}
		}
		d.mu.Lock()
		d.asked = nil
		d.mu.Unlock()
	})
}

// FuzzTopics: whatever a client sends on the WebSocket is read or refused.
func FuzzTopics(f *testing.F) {
	for _, text := range []string{`{"topic_list":[30011,"30012"]}`, `{"topic_list":null}`, `{"topic_list":[1.5]}`, `heartbeat`, ``, `[`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		topics, fault := topicsOf([]byte(text))
		if fault == codeSuccess && (len(topics) > maxTopics || !json.Valid([]byte(text))) {
			t.Errorf("%q: %v", text, topics)
		}
		if fault != codeSuccess && topics != nil {
			t.Errorf("%q: refused with topics", text)
		}
	})
}
