package phone

import "time"

// Option changes one request or response from what the phone would send by itself. Each says what it applies to.
type Option func(*choice)

type choice struct {
	headers     []Header
	sdp         string
	noSDP       bool
	from, to    string
	uri         string
	contact     string
	user        string
	password    string
	noAuth      bool
	expires     int // -1: not given
	noRepeat    bool
	delay       time.Duration
	contentType string
	body        string
	direction   string
	noAck       bool
	server      string
	thenHangup  bool
	thenCancel  *Call
}

func choose(opts []Option) choice {
	c := choice{expires: -1}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// apply puts body and headers in. A header that is given replaces all of that name the phone had made, and may be
// given several times.
func (c *choice) apply(m *Message) {
	if c.body != "" || c.contentType != "" {
		m.Body = []byte(c.body)
		m.Set("Content-Type", c.contentType)
	}
	if c.contact != "" {
		m.Set("Contact", c.contact)
	}
	if c.from != "" {
		m.Set("From", c.from)
	}
	if c.to != "" {
		m.Set("To", c.to)
	}
	for _, h := range c.headers {
		m.Del(h.Name)
	}
	for _, h := range c.headers {
		m.Add(h.Name, h.Value)
	}
}

// WithHeader sets a header of any message; repeat it for several of one name.
func WithHeader(name, value string) Option {
	return func(c *choice) { c.headers = append(c.headers, Header{name, value}) }
}

// WithSDP sends this session description as it is: INVITE, UPDATE, provisional, answer, ACK.
func WithSDP(sdp string) Option { return func(c *choice) { c.sdp = sdp } }

// WithoutSDP sends an INVITE without an offer, or an answer without a description.
func WithoutSDP() Option { return func(c *choice) { c.noSDP = true } }

// WithDirection offers or answers with that direction, and keeps it.
func WithDirection(d string) Option { return func(c *choice) { c.direction = d } }

// WithFrom and WithTo set the whole header value of a new dialog's or registration's first request. A call adds its tag
// to a From without one.
func WithFrom(value string) Option { return func(c *choice) { c.from = value } }
func WithTo(value string) Option   { return func(c *choice) { c.to = value } }

// WithURI sets the Request-URI: Dial, Register, Request.
func WithURI(uri string) Option { return func(c *choice) { c.uri = uri } }

// WithServer sends to another address ("host:port") than Config.Server: Dial, and with it the whole call, Register,
// Request.
func WithServer(addr string) Option { return func(c *choice) { c.server = addr } }

// WithContact sets the whole Contact header value of any request or response.
func WithContact(value string) Option { return func(c *choice) { c.contact = value } }

// WithPassword and WithUser answer challenges with other credentials: Dial, Register, Request.
func WithPassword(p string) Option { return func(c *choice) { c.password = p } }
func WithUser(u string) Option     { return func(c *choice) { c.user = u } }

// WithoutAuth leaves challenges unanswered: the 401 or 407 is the result.
func WithoutAuth() Option { return func(c *choice) { c.noAuth = true } }

// WithExpires sets the Expires header of a REGISTER, seconds.
func WithExpires(seconds int) Option { return func(c *choice) { c.expires = seconds } }

// WithoutRepeat sends a 2xx to INVITE once, not until its ACK comes.
func WithoutRepeat() Option { return func(c *choice) { c.noRepeat = true } }

// WithDelay waits before an answer is sent.
func WithDelay(d time.Duration) Option { return func(c *choice) { c.delay = d } }

// WithBody sets a body of any type.
func WithBody(contentType, body string) Option {
	return func(c *choice) { c.contentType, c.body = contentType, body }
}
