package main

import (
	"slices"

	"ringdown/control/yeastar"
	"ringdown/sip"
)

// trunkBoard shows the trunks of the config, as sip knows them, to the Yeastar API.
type trunkBoard struct {
	cfg   []Trunk
	agent *sip.Agent
	api   *yeastar.API
}

// trunkChanged tells the API, once it is there, what became of a trunk.
func (sw *Switch) trunkChanged(s sip.TrunkState) {
	if b := sw.trunks.Load(); b != nil {
		b.api.TrunkChanged(b.show(s))
	}
}

// list is what all trunks are now.
func (b *trunkBoard) list() (all []yeastar.Trunk) {
	for _, s := range b.agent.Trunks() {
		all = append(all, b.show(s))
	}
	return all
}

func (b *trunkBoard) show(s sip.TrunkState) yeastar.Trunk {
	t := yeastar.Trunk{Name: s.Name, Status: yeastar.TrunkStatus(s.Status), Refused: s.Refused}
	if s.Address.IsValid() {
		t.Address = s.Address.String()
	}
	if i := slices.IndexFunc(b.cfg, func(c Trunk) bool { return c.Name == s.Name }); i >= 0 {
		c := b.cfg[i]
		t.Monitored, t.Register = c.Register || c.Qualify > 0 && !s.Unheard, c.Register
		t.Host, t.CallerID, t.Username = c.Address, c.From, c.Username
	}
	return t
}
