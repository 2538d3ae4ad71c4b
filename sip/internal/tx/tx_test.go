package tx

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"

	"github.com/emiago/sipgo/sip"
)

var (
	aliceAt = netip.MustParseAddrPort("192.0.2.1:5060") // a peer that speaks text
	layerAt = netip.MustParseAddrPort("192.0.2.2:5060")
	toAlice = Flow{Transport: "UDP", Remote: aliceAt}
)

// user is a Handler made of functions; what is nil does nothing. It counts.
type user struct {
	request   func(*Server)
	cancelled func(*Server, *sip.Request)
	response  func(*sip.Response, Flow)

	mu                                 sync.Mutex
	requests, cancels, acks, responses int
	lastAck                            *sip.Request
	lastServer                         *Server
}

func (u *user) Request(s *Server) {
	u.mu.Lock()
	u.requests++
	u.lastServer = s
	u.mu.Unlock()
	if u.request != nil {
		u.request(s)
	}
}

func (u *user) Cancelled(s *Server, c *sip.Request) {
	u.mu.Lock()
	u.cancels++
	u.mu.Unlock()
	if u.cancelled != nil {
		u.cancelled(s, c)
	}
}

func (u *user) Ack(req *sip.Request, _ Flow) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.acks++
	u.lastAck = req
}

func (u *user) Response(res *sip.Response, flow Flow) {
	u.mu.Lock()
	u.responses++
	u.mu.Unlock()
	if u.response != nil {
		u.response(res, flow)
	}
}

// got is a message that alice received.
type got struct {
	at   time.Duration // since the start of the scene
	text string
}

// first returns the start line, shortened to what tells messages apart: "486" or "INVITE".
func (g got) first() string {
	line, _, _ := strings.Cut(g.text, "\r\n")
	words := strings.SplitN(line, " ", 3)
	if words[0] == "SIP/2.0" {
		return words[1]
	}
	return words[0]
}

// header returns the value of a header of the text, "" if absent.
func header(text, name string) string {
	for line := range strings.SplitSeq(text, "\r\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && n == name {
			return v
		}
	}
	return ""
}

// scene is a layer and alice on a network in virtual time.
type scene struct {
	t     *testing.T
	net   *memnet.Network
	layer *Layer
	user  *user
	alice *memnet.Conn
	start time.Time

	mu  sync.Mutex
	got []got
}

// play runs f in a bubble and checks that nothing is left behind.
func play(t *testing.T, limits Limits, f func(t *testing.T, s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, limits)
		defer func() { // also after Fatal
			s.counted()
			if err := s.layer.Close(); err != nil {
				t.Error(err)
			}
			s.net.Close()
			synctest.Wait()
		}()
		f(t, s)
	})
}

// counted checks the tables: a count that drifts ends in 503 for everybody.
func (s *scene) counted() {
	s.t.Helper()
	synctest.Wait()
	checkTables(s.t, s.layer)
}

func checkTables(t *testing.T, l *Layer) {
	t.Helper()
	checkTable(t, "server", &l.servers, func(v *serverTx) bool { v.mu.Lock(); defer v.mu.Unlock(); return v.open() })
	checkTable(t, "client", &l.clients, func(c *Client) bool { c.mu.Lock(); defer c.mu.Unlock(); return c.open() })
}

// checkTable checks that all transactions that count as open are, and that as many settled ones are found as count.
func checkTable[T, L any](t *testing.T, name string, table *table[T, L], open func(T) bool) {
	t.Helper()
	table.mu.Lock()
	all := slices.Collect(maps.Values(table.open))
	table.mu.Unlock()
	for _, v := range all {
		if !open(v) {
			t.Errorf("a %s transaction counts as open that is not", name)
		}
	}
	table.mu.Lock()
	defer table.mu.Unlock()
	for class := range table.settled {
		checkSettled(t, name, &table.settled[class])
	}
}

func checkSettled[L any](t *testing.T, name string, s *settled[L]) {
	t.Helper()
	inOrder, byKey := 0, 0
	for e, last := s.oldest, time.Duration(0); e != nil; e = e.newer {
		inOrder++
		if e.until < last || s.find(e.key) != e {
			t.Errorf("%s: a settled transaction is out of order, or not found", name)
		}
		last = e.until
	}
	for _, e := range s.index {
		for ; e != nil; e = e.chain {
			byKey++
		}
	}
	if inOrder != s.n || byKey != s.n {
		t.Errorf("%s: %d count as settled, %d are in order, %d in the index", name, s.n, inOrder, byKey)
	}
}

func newScene(t *testing.T, limits Limits) *scene {
	s := &scene{t: t, net: memnet.New(memnet.Options{}), user: &user{}, start: time.Now()}
	s.layer = New(Config{Handler: s.user, Limits: limits, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	pc, err := s.net.ListenPacket(layerAt.String())
	if err != nil {
		t.Fatal(err)
	}
	if s.alice, err = s.net.ListenPacket(aliceAt.String()); err != nil {
		t.Fatal(err)
	}
	go s.layer.ServeUDP(pc)
	go func() {
		buf := make([]byte, 70000)
		for {
			n, _, err := s.alice.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.got = append(s.got, got{time.Since(s.start), string(buf[:n])})
			s.mu.Unlock()
		}
	}()
	synctest.Wait()
	return s
}

// send sends text from alice and waits until everybody has done what it takes.
func (s *scene) send(text string) {
	s.t.Helper()
	if _, err := s.alice.WriteToUDPAddrPort([]byte(text), layerAt); err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
}

// received returns what alice got, and forgets it.
func (s *scene) received() []got {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.got
	s.got = nil
	return r
}

// kinds returns the kinds of what alice got, "100 180 200", and forgets it.
func (s *scene) kinds() string {
	var k []string
	for _, g := range s.received() {
		k = append(k, g.first())
	}
	return strings.Join(k, " ")
}

// schedule returns kinds with times, "0s INVITE 500ms INVITE", relative to the first.
func (s *scene) schedule() string {
	var k []string
	all := s.received()
	for _, g := range all {
		k = append(k, fmt.Sprint(g.at-all[0].at, " ", g.first()))
	}
	return strings.Join(k, ", ")
}

func (s *scene) live(servers, clients int) {
	s.t.Helper()
	if st := s.layer.Stats(); st.Servers != servers || st.Clients != clients {
		s.t.Errorf("%d server and %d client transactions, want %d and %d", st.Servers, st.Clients, servers, clients)
	}
}

// requestText writes a request of alice; lines replace or, when they are new, follow the usual headers.
func requestText(method, branch string, lines ...string) string {
	head := []string{
		method + " sip:bob@192.0.2.2 SIP/2.0",
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch,
		"Max-Forwards: 70",
		"From: <sip:alice@example.com>;tag=a1",
		"To: <sip:bob@example.com>",
		"Call-ID: c1@192.0.2.1",
		"CSeq: 1 " + method,
		"Content-Length: 0",
	}
next:
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		for i := range head[1:] {
			if strings.HasPrefix(head[1+i], name+":") {
				head[1+i] = line
				continue next
			}
		}
		head = append(head, line)
	}
	return strings.Join(head, "\r\n") + "\r\n\r\n"
}

const branch1 = "z9hG4bK-alice-1"

// reply writes alice's response to a request that she got.
func reply(request string, status int, tag string) string {
	lines := []string{fmt.Sprintf("SIP/2.0 %d %s", status, Reason(status))}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		value := header(request, name)
		if name == "To" && tag != "" {
			value += ";tag=" + tag
		}
		lines = append(lines, name+": "+value)
	}
	return strings.Join(append(lines, "Content-Length: 0"), "\r\n") + "\r\n\r\n"
}

// outgoingRequest makes a request of ours to alice.
func outgoingRequest(method sip.RequestMethod) *Request {
	req := NewRequest(method, "sip:alice@192.0.2.1", 7)
	req.AddParty("From", "<sip:bob@example.com>", "b1")
	req.AddParty("To", "<sip:alice@example.com>", "")
	req.Add("Call-ID", "c2")
	req.Add("Route", "<sip:proxy.example.com;lr>")
	req.Add("Max-Forwards", "70")
	return req
}

// events collects ClientEvents as words: "180", "200", "timeout", "transport".
type events struct {
	mu    sync.Mutex
	words []string
}

func (e *events) on(ev ClientEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ev.Res != nil:
		e.words = append(e.words, fmt.Sprint(ev.Res.StatusCode))
	default:
		e.words = append(e.words, strings.TrimPrefix(ev.Err.Error(), "tx: "))
	}
}

func (e *events) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	w := strings.Join(e.words, " ")
	e.words = nil
	return w
}

// noLeak fails when goroutines of this package are left.
func noLeak(t testing.TB) {
	t.Helper()
	for range 100 {
		buf := make([]byte, 1<<20)
		if !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "tx.(*stream)") {
			return
		}
		runtime.Gosched()
	}
	t.Error("goroutines are left")
}

var _ net.PacketConn = (*memnet.Conn)(nil)
