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
		b.hub.publish(topicFailed, now.id, func(text []byte) []byte {
			return (&failedInfo{now.id, reason, before.members}).append(text)
		})
	}
	if len(n.Parties) > 0 { // what applications do has no event of its own (spec yeastar-p 6.8)
		topic := topicTransfer
		if n.Kind == callstate.NoticeForwarded {
			topic = topicForward
		}
		b.hub.publish(topic, now.id, func(text []byte) []byte {
			return appendCall(text, now.id, b.parties(n, before))
		})
	}
	active, idle := b.extensions.move(before.members, now.members)
	for _, e := range active {
		b.hub.publish(topicExtension, e.Extension, e.append)
	}
	if changed := b.changes(n, before, now); p.announces(before, now, changed) {
		b.hub.publish(topicCall, now.id, func(text []byte) []byte {
			return appendCall(text, now.id, changed)
		})
	}
	for _, e := range idle {
		b.hub.publish(topicExtension, e.Extension, e.append)
	}
	at := b.now()
	p.keep(n, before, now, at)
	if n.Kind == callstate.NoticeEnded {
		for _, r := range p.close(n, at) {
			b.hub.publish(topicRecord, now.id, func(text []byte) []byte {
				return r.info(now.id).append(text)
			})
		}
	}
}

// parties are those of a transfer or forward, as they were shown before it.
func (b *board) parties(n callstate.Notice, before *view) []member {
	list := make([]member, len(n.Parties))
	for i := range n.Parties {
		p := &n.Parties[i]
		if m := before.member(p.ID); m != nil {
			list[i] = *m
			continue
		}
		list[i] = b.memberOf(p)
		if status, there := statusOf(n.Summary, p); there {
			list[i].status = status
		} else { // it has left since
			list[i].status = statusBye
		}
	}
	return list
}

// changes lists who is there now and who has just left, the latter with BYE; nil when nothing has changed. Who was
// handed over, whether its new call shows it already or will, has not left: a channel lives as long as its dialog (spec
// yeastar-p 1).
func (b *board) changes(n callstate.Notice, before, now *view) []member {
	if slices.Equal(before.members, now.members) {
		return nil
	}
	list := make([]member, 0, len(before.members)+len(now.members))
	for _, m := range before.members {
		if is := now.member(m.leg); is != nil {
			m = *is
		} else {
			if _, elsewhere := b.channels[m.channel]; elsewhere || slices.Contains(n.Moved, m.leg) {
				continue
			}
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
