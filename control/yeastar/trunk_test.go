package yeastar

import (
	"fmt"
	"testing"
)

// TestTrunkEvent: the vendor's sample (spec yeastar-p 6.7), each status, and nothing when nothing has changed.
func TestTrunkEvent(t *testing.T) {
	a := newAPI(t, newDesk())
	s := take(a)
	tell := func(status int) string {
		return told(30010, fmt.Sprintf(`{"trunk_name":"peering","kind":"PJSIP","status":%d,"registered_ip":"112.48.19.183:18211"}`, status))
	}
	trunk := Trunk{Name: "peering", Monitored: true, Address: "112.48.19.183:18211"}
	for _, step := range []struct {
		status    TrunkStatus
		refused   bool
		monitored bool
		want      []string
	}{
		{TrunkUp, false, true, []string{tell(1)}}, {TrunkUp, false, true, nil}, {TrunkUp, false, false, []string{tell(3)}},
		{TrunkRegistering, false, true, []string{tell(4)}}, {TrunkUnregistered, false, true, []string{tell(41)}},
		{TrunkUnregistered, true, true, []string{tell(45)}}, {TrunkDown, false, true, []string{tell(42)}},
		{TrunkPaused, false, true, nil}, {TrunkUnresolved, false, true, nil}, {"", false, true, []string{tell(0)}},
	} {
		trunk.Status, trunk.Refused, trunk.Monitored = step.status, step.refused, step.monitored
		a.TrunkChanged(trunk)
		expectEvents(t, s, step.want...)
	}
	trunk.Address = ""
	a.TrunkChanged(trunk)
	expectEvents(t, s, told(30010, `{"trunk_name":"peering","kind":"PJSIP","status":0,"registered_ip":""}`))
}

// TestTrunkQueries: the vendor's sample (spec yeastar-p 7), filters, order and pages.
func TestTrunkQueries(t *testing.T) {
	a := newAPI(t, newDesk(), func(c *Config) {
		c.Trunks = func() []Trunk {
			return []Trunk{
				{Name: "peer-to-41", Status: TrunkUp, Monitored: true, Host: "112.48.19.183:18211", CallerID: "13200000092"},
				{Name: "provider", Status: TrunkUnregistered, Register: true, Monitored: true, Host: "sip.example.com", Username: "0836"},
			}
		}
	})
	c := newClient(t, a)
	const (
		peer     = `{"id":1,"status":1,"name":"peer-to-41","type":"peer","host_port":"112.48.19.183:18211","def_outbound_cid":"13200000092","username":""}`
		provider = `{"id":2,"status":41,"name":"provider","type":"register","host_port":"sip.example.com","def_outbound_cid":"","username":"0836"}`
	)
	list := func(total int, items string) string {
		return fmt.Sprintf(`{"errcode":0,"errmsg":"SUCCESS","total_number":%d,"data":[%s]}`, total, items)
	}
	const both = peer + "," + provider
	for _, row := range []struct{ path, query, want string }{
		{"trunk/list", "", list(2, both)}, {"trunk/list", "sort_by=name&order_by=desc", list(2, provider+","+peer)},
		{"trunk/list", "sort_by=def_outbound_cid", list(2, provider+","+peer)}, {"trunk/list", "sort_by=status", ""},
		{"trunk/list", "order_by=up", ""}, {"trunk/list", "page=1&page_size=1", list(2, peer)},
		{"trunk/list", "page=2&page_size=1", list(2, provider)}, {"trunk/list", "page=3&page_size=1", list(2, "")},
		{"trunk/list", "page=1048576&page_size=1048576", list(2, "")}, {"trunk/list", "page=0", ""}, {"trunk/list", "page_size=-1", ""},
		{"trunk/list", "page=x", ""}, {"trunk/list", "page_size=99999999999999999999", ""},
		{"trunk/search", "search_value=PROV", list(1, provider)}, {"trunk/search", "search_value=1320", list(1, peer)},
		{"trunk/search", "search_value=nothing", list(0, "")}, {"trunk/search", "", list(2, both)},
		{"trunk/query", "ids=2", `{"errcode":0,"errmsg":"SUCCESS","data":[` + provider + `]}`},
		{"trunk/query", "ids=2,1,2,9", `{"errcode":0,"errmsg":"SUCCESS","data":[` + provider + `,` + peer + `]}`},
		{"trunk/query", "id=1", `{"errcode":0,"errmsg":"SUCCESS","data":[` + peer + `]}`},
		{"trunk/query", "", ""}, {"trunk/query", "ids=1,x", ""}, {"trunk/query", "ids=9", "none"},
	} {
		got := c.get(row.path, row.query)
		switch {
		case row.want == "":
			c.expect(row.path+"?"+row.query, got, codeParameter)
		case row.want == "none":
			c.expect(row.path+"?"+row.query, got, codeNoData)
		case got.body != row.want:
			t.Errorf("%s?%s: got %s", row.path, row.query, got.body)
		}
	}
	c = newClient(t, newAPI(t, newDesk()))
	if got := c.get("trunk/list", "").body; got != list(0, "") {
		t.Errorf("got %s", got)
	}
	c.expect("POST", c.post("trunk/list", ""), codeNoInterface)
	c.token = "x"
	c.expect("no token", c.get("trunk/list", ""), codeToken)
}
