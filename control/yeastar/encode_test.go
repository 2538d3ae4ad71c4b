package yeastar

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"ringdown/callstate"
)

// callInfo is a call as encoding/json writes it.
type callInfo struct {
	CallID  string       `json:"call_id"`
	Members []memberInfo `json:"members"`
}

// memberInfo is an object with exactly one key, which tells the kind of the member.
type memberInfo struct {
	Extension *extensionInfo `json:"extension,omitempty"`
	Inbound   *outsideInfo   `json:"inbound,omitempty"`
	Outbound  *outsideInfo   `json:"outbound,omitempty"`
}

type extensionInfo struct {
	Number  string `json:"number"`
	Channel string `json:"channel_id"`
	Status  string `json:"member_status"`
	Path    string `json:"call_path"`
}

// outsideInfo is a member that a trunk leads to.
type outsideInfo struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Trunk   string `json:"trunk_name"`
	Channel string `json:"channel_id"`
	Status  string `json:"member_status"`
	Path    string `json:"call_path"`
}

func infoOf(id string, members []member) callInfo {
	return callInfo{id, memberInfos(members)}
}

func memberInfos(members []member) []memberInfo {
	list := make([]memberInfo, len(members))
	for i, m := range members {
		switch {
		case m.trunk == "":
			list[i].Extension = &extensionInfo{Number: m.number, Channel: m.channel, Status: m.status}
		case m.inbound:
			list[i].Inbound = &outsideInfo{From: m.number, To: m.local, Trunk: m.trunk, Channel: m.channel, Status: m.status}
		default:
			list[i].Outbound = &outsideInfo{From: m.local, To: m.number, Trunk: m.trunk, Channel: m.channel, Status: m.status}
		}
	}
	return list
}

// failedMsg is the msg of event 30015 as encoding/json writes it.
type failedMsg struct {
	CallID  string       `json:"call_id"`
	Reason  string       `json:"reason"`
	Members []memberInfo `json:"members"`
}

// event is what goes over the wire.
type event struct {
	Type int    `json:"type"`
	SN   string `json:"sn"`
	Msg  string `json:"msg"`
}

// What is written by hand is what encoding/json writes, whatever stands in it.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "2000", "a\"b\\c", "<&>", "\u2028\u2029\x7f", "\x00\n\t\b", "\xff\xc3", "Zo\u00eb", "\\\""} {
		f.Add(s, "PJSIP/2000-000000ae", uint8(2))
		f.Add("1.1", s, uint8(5))
	}
	f.Fuzz(func(t *testing.T, x, y string, n uint8) {
		members := []member{{number: x, channel: y, status: x}, {number: y, channel: x, status: y, trunk: x, local: y, inbound: true},
			{number: x, channel: y, status: statusBye, trunk: "t" + y, local: x}}[:n%4]
		same := func(what string, got []byte, want any) {
			t.Helper()
			if want := marshal(want); string(got) != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
			}
			e := newEvent(topicCall, y, got)
			if want := marshal(event{topicCall, y, string(got)}); string(e) != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", what, e, want)
			}
		}
		same("call", appendCall(nil, x, members), infoOf(x, members))
		same("presence", presenceInfo{x, y}.append(nil), presenceInfo{x, y})
		same("failure", (&failedInfo{x, y, members}).append(nil), failedMsg{x, y, memberInfos(members)})
		r := &recordInfo{x, y, x, y, int(n), -int(n), x, y, x, y, x, y, x, int(n)}
		same("record", r.append(nil), r)
		got := success()
		got.listed, got.calls = true, []*view{{id: x, members: members}, {id: y}}[:n%3]
		want := success()
		list := []callInfo{}
		for _, v := range got.calls {
			list = append(list, infoOf(v.id, v.members))
		}
		want.Data = list
		same("answer", got.append(nil), want)
	})
}

// BenchmarkEvents is what a plain call costs with subscribers: its notices and events.
func BenchmarkEvents(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			a := New(Config{Calls: newDesk(), SN: "3631A2124XXX"})
			defer a.Close()
			for range n {
				a.hub.join(&subscriber{send: func(string, []byte) {}, all: true})
			}
			notices := plainCall()
			b.ReportAllocs()
			for b.Loop() {
				for _, n := range notices {
					a.board.watch(n)
				}
			}
		})
	}
}

// BenchmarkQuery is call/query of one call of 4,000, from the request to the body of its answer.
func BenchmarkQuery(b *testing.B) {
	d := newDesk()
	a := newAPI(b, d, func(c *Config) { c.Log = nil })
	c := newClient(b, a)
	for i := range 4000 {
		s := call(leg(uint32(2*i+1), "2000", up, "in", "calling"), leg(uint32(2*i+2), "2005", up))
		s.ID = callstate.CallID(i + 1)
		d.tell(callstate.NoticeCreated, s)
	}
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{
		Path: root + version + "/call/query", RawQuery: "access_token=" + c.token + "&call_id=" + a.board.views()[2000].id,
	}}
	b.ReportAllocs()
	for b.Loop() {
		w := answerWriter{h: http.Header{}}
		if a.ServeHTTP(&w, r); w.n < 200 || w.n > 500 {
			b.Fatal(w.n)
		}
	}
}

// answerWriter counts the bytes of an answer.
type answerWriter struct {
	h http.Header
	n int
}

func (w *answerWriter) Header() http.Header { return w.h }

func (w *answerWriter) WriteHeader(int) {}

func (w *answerWriter) Write(b []byte) (int, error) {
	w.n += len(b)
	return len(b), nil
}
