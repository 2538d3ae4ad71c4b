package yeastar

import (
	"slices"
	"sync"
)

// The events that are sent (spec yeastar-p 6.5).
const (
	topicExtension = 30008 // an extension rings, is busy or idle
	topicTrunk     = 30010 // a trunk can be called by, or not, or its registration has another state
	topicCall      = 30011 // the members of a call, or their states, have changed
	topicRecord    = 30012 // what a call was, at its end
	topicTransfer  = 30013 // a phone transfers its call
	topicForward   = 30014 // an extension's setting sends a call on
	topicFailed    = 30015 // a call or transfer came to nothing
)

// hub gives events to whoever wants them. It never blocks: each subscriber has a bounded queue, and its own way to deal
// with one that is full. Safe for concurrent use.
type hub struct {
	sn string

	mu   sync.Mutex
	subs []*subscriber
	msg  []byte // of one event; used again for the next
}

// subscriber is one queue of events.
type subscriber struct {
	queue chan []byte
	full  func() // called for each event that has no room; must not block, nor call the hub

	send func(lane string, text []byte) // when set, takes events instead of the queue; must not block, nor call the hub

	all    bool  // every event, whatever topics says
	topics []int // with the hub's mu held
}

// join adds a subscriber, leave takes it out.
func (h *hub) join(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs = append(h.subs, s)
}

func (h *hub) leave(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subs = slices.DeleteFunc(h.subs, func(o *subscriber) bool { return o == s })
}

// want replaces the topics of a subscriber. The reply gets into the queue before the first event of them.
func (h *hub) want(s *subscriber, topics []int, reply []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.topics = topics
	s.put("", reply)
}

// publish sends an event to those who want it; msg, which adds its JSON, is not called when nobody does. The order of calls is the order
// of events in every queue. Events of one lane are about one thing, so that they must never overtake each other.
func (h *hub) publish(topic int, lane string, msg func(b []byte) []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var text []byte
	for _, s := range h.subs {
		if !s.all && !slices.Contains(s.topics, topic) {
			continue
		}
		if text == nil {
			h.msg = msg(h.msg[:0])
			text = newEvent(topic, h.sn, h.msg)
		}
		s.put(lane, text)
	}
}

// put queues a text, without waiting.
func (s *subscriber) put(lane string, text []byte) {
	if s.send != nil {
		s.send(lane, text)
		return
	}
	select {
	case s.queue <- text:
	default:
		s.full()
	}
}
