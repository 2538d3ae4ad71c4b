package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// receiver keeps what it was sent. It answers what status says for a message and a try, 0 for not at all.
type receiver struct {
	mu     sync.Mutex
	got    []string
	at     []time.Time
	tries  map[string]int
	strays int           // requests for other places
	delay  time.Duration // of every answer
	status func(body string, try int) int
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := string(body)
	v.mu.Lock()
	v.got, v.at = append(v.got, text), append(v.at, time.Now())
	if v.tries == nil {
		v.tries = map[string]int{}
	}
	v.tries[text]++
	status := 200
	if v.status != nil {
		status = v.status(text, v.tries[text])
	}
	v.mu.Unlock()
	if status == 0 {
		<-r.Context().Done()
		return
	}
	if status == http.StatusFound {
		w.Header().Set("Location", "http://elsewhere.example.com/")
	}
	w.WriteHeader(status)
}

// RoundTrip lets a receiver be reached without a network, inside a bubble.
func (v *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "hook.example.com" {
		v.mu.Lock()
		v.strays++
		v.mu.Unlock()
		return nil, errors.New("no other host is asked")
	}
	w := httptest.NewRecorder()
	v.ServeHTTP(w, r)
	time.Sleep(v.delay)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (v *receiver) bodies() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.got)
}

// of are the messages of one lane, as they came.
func (v *receiver) of(lane string) (list []string) {
	for _, body := range v.bodies() {
		if strings.HasPrefix(body, lane) {
			list = append(list, body)
		}
	}
	return list
}

func plain(http.Header, []byte) {}

func start(v http.RoundTripper, log io.Writer, change ...func(*Config)) *Sender {
	c := Config{Name: "it", URL: "http://hook.example.com/take?key=hidden", Method: "POST", Head: plain, Transport: v,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range change {
		f(&c)
	}
	return Start(c)
}

// TestOrder: without failures all messages arrive in the order in which they were put, across lanes.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{}
		s := start(v, io.Discard)
		var want []string
		for i := range 100 {
			body := fmt.Sprint(i)
			s.Put(fmt.Sprint(i*7%5), []byte(body))
			want = append(want, body)
		}
		synctest.Wait()
		Stop([]*Sender{s})
		if got := v.bodies(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

// TestOldestFirst: a lane that goes on has no right of way over one that has waited longer.
func TestOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{delay: 5 * time.Second}
		s := start(v, io.Discard)
		for _, body := range []string{"a1", "b1", "a2", "c1"} {
			s.Put(body[:1], []byte(body))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		Stop([]*Sender{s})
		if got := v.bodies(); !slices.Equal(got, []string{"a1", "b1", "a2", "c1"}) {
			t.Errorf("got %q", got)
		}
	})
}

// TestRetry with growing gaps: what is behind in the same lane waits, other lanes go on (edge case A10). A redirection is
// not followed.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []int{500, 302, 404, 503}
		v := &receiver{status: func(body string, try int) int {
			if body == "a1" && try <= len(answers) {
				return answers[try-1]
			}
			return 204
		}}
		s := start(v, io.Discard)
		began := time.Now()
		s.Put("a", []byte("a1"))
		s.Put("a", []byte("a2"))
		s.Put("b", []byte("b1"))
		time.Sleep(time.Minute)
		if want := []string{"a1", "b1", "a1", "a1", "a1", "a1", "a2"}; !slices.Equal(v.bodies(), want) {
			t.Fatalf("got %q", v.bodies())
		}
		for i, after := range []time.Duration{0, 0, 1, 3, 7, 15, 15} {
			if got := v.at[i].Sub(began); got != after*time.Second {
				t.Errorf("%d: after %v", i, got)
			}
		}
		if v.strays != 0 {
			t.Error("it went where the receiver sent it")
		}
		Stop([]*Sender{s})
	})
}

// TestGivesUp after the last try, goes on with the next of the lane, and tells once that it began and once that it is over.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		v := &receiver{status: func(body string, _ int) int {
			if strings.HasPrefix(body, "bad") {
				return 500
			}
			return 200
		}}
		s := start(v, &log)
		for _, body := range []string{"bad1", "bad2", "good"} {
			s.Put("a", []byte(body))
		}
		time.Sleep(time.Hour)
		want := slices.Concat(slices.Repeat([]string{"bad1"}, Tries), slices.Repeat([]string{"bad2"}, Tries), []string{"good"})
		if got := v.bodies(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		Stop([]*Sender{s})
		text := log.String()
		if strings.Count(text, "given up") != 1 || strings.Count(text, "again\" receiver=it lost=2") != 1 || strings.Contains(text, "hidden") {
			t.Errorf("log: %s", text)
		}
	})
}

// page is a log that is read while it is written.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// TestFirstFailure of a receiver is told at once, and that it is back; not each message, nor what its URL hides.
func TestFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log page
		v := &receiver{status: func(_ string, try int) int {
			if try < 3 {
				return 503
			}
			return 200
		}}
		s := start(v, io.Discard, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		for i := range 20 {
			s.Put(fmt.Sprint("lane", i), []byte(fmt.Sprint("n", i)))
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		text := log.String()
		if strings.Count(text, "\n") != 1 || !strings.Contains(text, `level=WARN msg="`+fallenIll+`" receiver=it err="answered with 503" again_in=1s`) {
			t.Errorf("log of the first failure: %s", text)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		text = log.String()
		if strings.Count(text, "\n") != 2 || !strings.HasSuffix(text, `level=INFO msg="`+back+"\" receiver=it\n") {
			t.Errorf("log once it is back: %s", text)
		}
		s.Put("a", []byte("later")) // ill again
		time.Sleep(time.Minute)
		Stop([]*Sender{s})
		if text = log.String(); strings.Count(text, "\n") != 4 || strings.Contains(text, "hidden") || strings.Contains(text, "hook?") {
			t.Errorf("log at the end: %s", text)
		}
		if s.queue.failing != 0 {
			t.Errorf("%d lanes fail", s.queue.failing)
		}
	})
}

// TestStillIll: that it takes other messages does not end what the log says of a receiver, and it says so once.
func TestStillIll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log page
		v := &receiver{status: func(body string, try int) int {
			if body == "bad" && try < Tries {
				return 503
			}
			return 200
		}}
		s := start(v, io.Discard, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		s.Put("a", []byte("bad"))
		synctest.Wait()
		for range 100 {
			s.Put("b", []byte("good"))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, fallenIll) {
			t.Errorf("log while it is ill: %s", text)
		}
		time.Sleep(time.Minute)
		Stop([]*Sender{s})
		if text := log.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, back) {
			t.Errorf("log at the end: %s", text)
		}
	})
}

// TestBound: a receiver that hangs keeps nobody waiting; as many wait as there is room for, and the oldest are lost, save
// what is under way. Its loss is logged once.
func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		hang := true
		v := &receiver{}
		v.status = func(string, int) int {
			if hang {
				return 0
			}
			return 200
		}
		s := start(v, &log)
		began := time.Now()
		s.Put("x", []byte("x first"))
		s.Put("x", []byte("x second"))
		synctest.Wait() // the first is under way
		for i := range 3 * MaxQueue {
			s.Put(fmt.Sprint("lane", i%100), []byte(fmt.Sprintf("n %d", i)))
			if s.queue.size > MaxQueue {
				t.Fatalf("%d wait", s.queue.size)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("who put waited %v", took)
		}
		v.mu.Lock()
		hang = false
		v.mu.Unlock()
		time.Sleep(time.Minute)
		got := v.bodies()
		if len(got) != MaxQueue+1 || got[0] != "x first" || got[1] != fmt.Sprintf("n %d", 2*MaxQueue+1) || len(v.of("x first")) != 2 || len(v.of("x second")) != 0 {
			t.Errorf("got %d: %q ...", len(got), got[:4])
		}
		Stop([]*Sender{s})
		if s.queue.size != 0 || len(s.queue.lanes) != 0 || len(s.queue.ready) != 0 || s.queue.ages.Len() != 0 {
			t.Errorf("left: %+v", s.queue)
		}
		if text := log.String(); strings.Count(text, "too slow") != 1 || !strings.Contains(text, "deadline") || strings.Contains(text, "hidden") || !strings.Contains(text, fmt.Sprintf("lost=%d", 2*MaxQueue+2)) {
			t.Errorf("log: %s", text)
		}
	})
}

// TestDroppedHead: when the message goes that its lane is waiting to send again, the next one waits as long.
func TestDroppedHead(t *testing.T) {
	q, now := newQueue(), time.Now()
	q.put("a", []byte("a1"), now)
	q.put("a", []byte("a2"), now)
	q.again(q.begin(), now.Add(time.Minute))
	for i := range MaxQueue - 2 {
		q.put(fmt.Sprint(i), nil, now)
	}
	if q.put("last", nil, now) != true || q.size != MaxQueue {
		t.Fatalf("%d wait", q.size)
	}
	l := q.lanes["a"]
	if string(l.head().body) != "a2" || !l.due.Equal(now.Add(time.Minute)) || l.tries != 0 || q.first() == l {
		t.Errorf("got %q at %v", l.head().body, l.due.Sub(now))
	}
}

// TestHangs: one message that gets no answer is a failure after the time-out; with several at once, others pass by.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{status: func(body string, try int) int {
			if body == "a1" && try == 1 {
				return 0
			}
			return 200
		}}
		s := start(v, io.Discard, func(c *Config) { c.At = 2 })
		began := time.Now()
		s.Put("a", []byte("a1"))
		s.Put("a", []byte("a2"))
		synctest.Wait()
		for i := range 5 {
			s.Put(fmt.Sprint(i), []byte("other"))
		}
		synctest.Wait()
		if got := len(v.of("other")); got != 5 || time.Since(began) != 0 {
			t.Errorf("%d others after %v", got, time.Since(began))
		}
		time.Sleep(time.Minute)
		if got := v.of("a"); !slices.Equal(got, []string{"a1", "a1", "a2"}) {
			t.Errorf("got %q", got)
		}
		if got := v.at[6].Sub(began); got != Timeout+firstGap {
			t.Errorf("again after %v", got)
		}
		Stop([]*Sender{s})
	})
}

// TestRetryIsNotForgotten: a lane that is due is served though its last server is held up by another message.
func TestRetryIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &receiver{status: func(body string, try int) int {
			switch {
			case body[0] == 'a' && try == 1:
				return 500
			case body[0] == 'h' && try == 1:
				return 0
			}
			return 200
		}}
		s := start(v, io.Discard, func(c *Config) { c.At = 2 })
		for i := range 20 { // whichever of the two takes it
			s.Put("a", []byte(fmt.Sprint("a", i)))
			synctest.Wait()
			s.Put("c", []byte("quick"))
			synctest.Wait()
			s.Put("b", []byte(fmt.Sprint("hangs", i)))
			time.Sleep(firstGap + 1)
			if got := v.of(fmt.Sprint("a", i)); len(got) != 2 {
				t.Fatalf("round %d: got %q", i, got)
			}
			time.Sleep(time.Minute)
		}
		Stop([]*Sender{s})
	})
}

// TestStop sends what is queued, at most for a moment for all receivers together, and waits for no gap.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, down, hangs := &receiver{}, &receiver{status: func(string, int) int { return 500 }}, &receiver{status: func(string, int) int { return 0 }}
		all := []*Sender{start(good, io.Discard), start(down, io.Discard, func(c *Config) { c.At = 3 }), start(hangs, io.Discard, func(c *Config) { c.At = 2 })}
		for _, s := range all {
			for i := range 5 {
				s.Put("a", []byte(fmt.Sprint("a", i)))
				s.Put("b", []byte(fmt.Sprint("b", i)))
			}
		}
		synctest.Wait()
		began := time.Now()
		Stop(all)
		if took := time.Since(began); took != LastWords {
			t.Errorf("the stop took %v", took)
		}
		if len(good.bodies()) != 10 || len(down.bodies()) != 12 { // the first of each lane was tried before
			t.Errorf("got %q and %q", good.bodies(), down.bodies())
		}
	})
}

// TestComesBack, over real sockets: a receiver that dies and comes back gets every message in order; meanwhile another
// one is served as ever.
func TestComesBack(t *testing.T) {
	first, other := &receiver{}, &receiver{}
	server, also := httptest.NewServer(first), httptest.NewServer(other)
	defer also.Close()
	place := server.Listener.Addr().String()
	slow := start(nil, t.Output(), func(c *Config) { c.URL, c.OneShot, c.At = server.URL, true, 4 })
	fine := start(nil, t.Output(), func(c *Config) { c.URL = also.URL })
	put := func(body string) {
		slow.Put("a", []byte(body))
		fine.Put("a", []byte(body))
	}
	put("1")
	await(t, func() bool { return len(first.bodies()) == 1 })
	server.Close()
	put("2")
	put("3")
	await(t, func() bool { return len(other.bodies()) == 3 })
	listener, err := net.Listen("tcp", place)
	if err != nil {
		t.Skip("the port was taken by another process:", err)
	}
	again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: first}}
	again.Start()
	defer again.Close()
	await(t, func() bool { return len(first.bodies()) == 3 })
	Stop([]*Sender{slow, fine})
	for _, v := range []*receiver{first, other} {
		if got := v.bodies(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("got %q", got)
		}
	}
}

// TestFromEverywhere: many put at once, as the goroutines of calls do, while messages are under way and some fail; those of
// a lane arrive in order.
func TestFromEverywhere(t *testing.T) {
	v := &receiver{status: func(body string, try int) int {
		if strings.HasSuffix(body, "7") && try == 1 {
			return 500
		}
		return 200
	}}
	server := httptest.NewServer(v)
	defer server.Close()
	s := start(nil, io.Discard, func(c *Config) { c.URL, c.At = server.URL, 4 })
	var wg sync.WaitGroup
	for lane := range 6 {
		wg.Go(func() {
			for i := range 30 {
				s.Put(fmt.Sprint(lane), []byte(fmt.Sprintf("%d %02d", lane, i)))
			}
		})
	}
	wg.Wait()
	await(t, func() bool { return len(v.bodies()) == 6*(30+3) })
	Stop([]*Sender{s})
	for lane := range 6 {
		if got := slices.Compact(v.of(fmt.Sprint(lane, " "))); len(got) != 30 || !slices.IsSorted(got) {
			t.Errorf("lane %d: %q", lane, got)
		}
	}
}

// TestEndlessAnswer, over a real socket: no more than a bound of an answer is read.
func TestEndlessAnswer(t *testing.T) {
	var got sync.WaitGroup
	got.Add(2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Done()
		chunk := make([]byte, 4096)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	for _, oneShot := range []bool{false, true} {
		s := start(nil, t.Output(), func(c *Config) { c.URL, c.OneShot = server.URL, oneShot })
		began := time.Now()
		s.Put("a", []byte("1"))
		Stop([]*Sender{s})
		if took := time.Since(began); took > LastWords {
			t.Errorf("took %v", took)
		}
	}
	got.Wait()
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never happened")
}
