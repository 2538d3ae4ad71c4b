package yeastar

import (
	"slices"

	"ringdown/callstate"
)

// tell sends the events of one change, in the vendor's order (spec yeastar-p 4, the matrix, and 6.8): a failure or a
// phone's transfer, the extensions that came to ring or be busy, the call, the extensions that came to be idle, and at
// the end what the call was.
func (b *board) tell(p *posted, n callstate.Notice, before, now *view) {
	if reason := p.failure(n); reason != "" {
		b.hub.publish(topicFailed, func() any {
			return failedInfo{now.id, reason, memberInfos(before.members)}
		})
	}
	if len(n.Parties) > 0 { // applications' transfers have no event of their own (spec yeastar-p 6.8)
		b.hub.publish(topicTransfer, func() any { return infoOf(before.id, before.members) })
	}
	active, idle := b.extensions.move(before.members, now.members)
	for _, e := range active {
		b.hub.publish(topicExtension, func() any { return e })
	}
	if changed := changes(before, now); p.announces(before, now, changed) {
		b.hub.publish(topicCall, func() any { return infoOf(now.id, changed) })
	}
	for _, e := range idle {
		b.hub.publish(topicExtension, func() any { return e })
	}
	at := b.now()
	p.keep(n, before, now, at)
	if n.Kind == callstate.NoticeEnded {
		for _, r := range p.close(n, at) {
			b.hub.publish(topicRecord, func() any { return r.info(now.id) })
		}
	}
}

// changes lists who is there now and who has just left, the latter with BYE; nil when nothing has changed.
func changes(before, now *view) []member {
	if slices.Equal(before.members, now.members) {
		return nil
	}
	list := make([]member, 0, len(before.members)+len(now.members))
	for _, m := range before.members {
		if is := now.member(m.leg); is != nil {
			m = *is
		} else {
			m.status = statusBye
		}
		list = append(list, m)
	}
	for _, m := range now.members {
		if before.member(m.leg) == nil {
			list = append(list, m)
		}
	}
	return list
}

// announces tells whether a change is one for event 30011. A caller whose call has reached nobody yet is not: the
// vendor's first event of a call shows who rings.
func (p *posted) announces(before, now *view, changed []member) bool {
	if changed == nil {
		return false
	}
	p.announced = p.announced || slices.ContainsFunc(now.members, func(m member) bool { return m.status != statusAlert })
	return p.announced
}
