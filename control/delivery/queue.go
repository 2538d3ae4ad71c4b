package delivery

import (
	"container/heap"
	"container/list"
	"time"
)

// queue holds the messages of a Sender by lane.
type queue struct {
	lanes map[string]*lane
	ready lanes      // those that nobody serves, the most urgent first
	ages  *list.List // of *message: all that may be dropped, the oldest first
	size  int        // messages, with those that are under way
	turn  uint64

	failing int // lanes whose first message was not taken yet
}

// message is one that has not been taken yet.
type message struct {
	body []byte
	lane *lane
	put  time.Time
	turn uint64
	age  *list.Element // nil while it is under way
}

// lane is a line of messages that must not overtake each other. It exists while there are any.
type lane struct {
	name     string
	messages []*message
	tries    int       // with the first
	due      time.Time // when the first may be sent
	place    int       // in the heap, -1 while its first message is under way
}

func newQueue() queue { return queue{lanes: map[string]*lane{}, ages: list.New()} }

func (l *lane) head() *message { return l.messages[0] }

// put adds a message at the end of a lane. It tells whether the oldest one had to go.
func (q *queue) put(name string, body []byte, now time.Time) (dropped bool) {
	if q.size >= MaxQueue {
		dropped = q.drop()
	}
	q.turn++
	l := q.lanes[name]
	if l == nil {
		l = &lane{name: name, due: now, place: -1}
		q.lanes[name] = l
	}
	m := &message{body: body, lane: l, put: now, turn: q.turn}
	m.age = q.ages.PushBack(m)
	l.messages = append(l.messages, m)
	q.size++
	if len(l.messages) == 1 {
		heap.Push(&q.ready, l)
	}
	return dropped
}

// drop takes the oldest message that is not under way out of its lane, where none but one under way is before it.
func (q *queue) drop() bool {
	e := q.ages.Front()
	if e == nil {
		return false
	}
	m := e.Value.(*message)
	if l := m.lane; l.head() == m {
		due := l.due
		q.taken(l)
		if len(l.messages) > 0 && due.After(l.due) { // the next one fares no better
			l.due = due
			heap.Fix(&q.ready, l.place)
		}
		return true
	}
	q.ages.Remove(e)
	m.lane.messages = append(m.lane.messages[:1:1], m.lane.messages[2:]...)
	q.size--
	return true
}

// first is the most urgent lane, nil when there is none that nobody serves.
func (q *queue) first() *lane {
	if len(q.ready) == 0 {
		return nil
	}
	return q.ready[0]
}

// begin takes the most urgent lane to serve it; taken or again must follow.
func (q *queue) begin() *lane {
	l := heap.Pop(&q.ready).(*lane)
	q.ages.Remove(l.head().age)
	l.head().age = nil
	return l
}

// taken removes the first message of a lane, and puts the lane back for the next one.
func (q *queue) taken(l *lane) {
	if m := l.head(); m.age != nil {
		q.ages.Remove(m.age)
	}
	l.messages[0] = nil
	l.messages = l.messages[1:]
	if l.tries > 0 {
		q.failing--
	}
	l.tries = 0
	q.size--
	if l.place >= 0 {
		heap.Remove(&q.ready, l.place)
	}
	if len(l.messages) == 0 {
		delete(q.lanes, l.name)
		return
	}
	l.due = l.head().put
	heap.Push(&q.ready, l)
}

// again puts a lane back whose first message was not taken.
func (q *queue) again(l *lane, due time.Time) {
	if l.tries == 0 {
		q.failing++
	}
	l.tries++
	l.due = due
	m := l.head()
	m.age = q.ages.PushFront(m) // it may be older than others that were put back before; it is old in any case
	heap.Push(&q.ready, l)
}

// lanes is a heap of lanes by when they are due.
type lanes []*lane

func (h lanes) Len() int { return len(h) }
func (h lanes) Less(i, j int) bool {
	if !h[i].due.Equal(h[j].due) {
		return h[i].due.Before(h[j].due)
	}
	return h[i].head().turn < h[j].head().turn
}
func (h lanes) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}
func (h *lanes) Push(x any) {
	l := x.(*lane)
	l.place = len(*h)
	*h = append(*h, l)
}
func (h *lanes) Pop() any {
	old := *h
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	l.place = -1
	return l
}
