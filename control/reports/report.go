package reports

import (
	"bytes"
	"encoding/json"

	"ringdown/callstate"
	"ringdown/control/channels"
)

// report is the body of a report.
type report struct {
	Event   string   `json:"event"`
	CallID  string   `json:"callid"`
	Members []member `json:"members"`
	SN      string   `json:"sn"`
}

// member is an object with exactly one key, which tells the kind of the member.
type member struct {
	Ext      *extension `json:"ext,omitempty"`
	Inbound  *outside   `json:"inbound,omitempty"`
	Outbound *outside   `json:"outbound,omitempty"`
}

type extension struct {
	Number  string `json:"number"`
	Channel string `json:"channelid"`
}

// outside is a party that a trunk leads to. The vendor's table calls the numbers integers; every example has texts.
type outside struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Trunk   string `json:"trunkname"`
	Channel string `json:"channelid"`
}

// members are the parties in the order of the notice: who transfers comes last (spec yeastar-s 6.3).
func (r *Reports) members(parties []callstate.LegSummary) []member {
	list := make([]member, len(parties))
	for i := range parties {
		p := &parties[i]
		channel, number, local := r.Names.Channel(p.ID), channels.Plain(p.Party.Number), channels.Plain(p.Local)
		switch {
		case p.Trunk == "":
			list[i].Ext = &extension{number, channel}
		case p.Inbound:
			list[i].Inbound = &outside{number, local, p.Trunk, channel}
		default:
			list[i].Outbound = &outside{local, number, p.Trunk, channel}
		}
	}
	return list
}

// marshal writes JSON without the \u003c of encoding/json, which clients that read reports by text would not expect.
func marshal(r report) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		panic("reports: " + err.Error()) // only types of this package get here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
