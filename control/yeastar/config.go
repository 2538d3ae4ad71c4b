package yeastar

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"ringdown/callstate"
	"ringdown/control/channels"
	"ringdown/control/delivery"
)

// Config is what the API needs. Time-outs of reading and writing belong to the caller's http.Server.
type Config struct {
	Applications []Application            // who may get tokens
	Calls        callstate.Calls          // the switch
	Names        *channels.Names          // of its calls and legs, which other APIs show too; nil: names of its own
	Extension    func(number string) bool // tells whether a number is an extension; nil: none is
	Log          *slog.Logger             // nil: no log
	Timeout      time.Duration            // how long one command may wait for its call; 0: 5 s
	Trunks       func() []Trunk           // the outside lines as they are now, always in the same order; nil: there are none
	SN           string                   // the serial number in events

	RequireUserAgent bool // refuse requests without a User-Agent

	Tokens   Tokens
	Block    Block
	Webhooks []Webhook // at most MaxWebhooks

	Transport http.RoundTripper // of webhooks; nil: one of its own
}

// Application is one client of the API.
type Application struct{ ClientID, ClientSecret string }

// Tokens are the lives of what get_token gives out.
type Tokens struct {
	Access  time.Duration // 0: 30 min
	Refresh time.Duration // 0: 24 h; not shorter than Access
}

// Block says when an address is shut out for wrong credentials.
type Block struct {
	Failures int           // how many; 0: 5
	Time     time.Duration // for how long; 0: 10 min
	Loopback bool          // also an address of loopback
}

// Webhook is a place that events are sent to.
type Webhook struct {
	URL    string // http or https
	Secret string // key of X-Signature; empty: unsigned
	Method string // POST or GET; empty: POST
	Events []int  // which; none: all
}

// MaxWebhooks is how many webhooks there can be (spec yeastar-p 6.2).
const MaxWebhooks = 5

// Validate reports all faults of c at once; it repeats no secret.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("yeastar: "+format, args...)) }
	if c.Calls == nil {
		fault("Calls is missing")
	}
	if c.Timeout < 0 || c.Tokens.Access < 0 || c.Tokens.Refresh < 0 || c.Block.Time < 0 || c.Block.Failures < 0 {
		fault("a time or count is negative")
	}
	if t := c.withDefaults().Tokens; t.Refresh < t.Access {
		fault("a refresh token lives shorter than its access token")
	}
	seen := map[string]bool{}
	for i, a := range c.Applications {
		switch {
		case a.ClientID == "":
			fault("applications[%d]: client_id is empty", i)
		case seen[a.ClientID]:
			fault("applications[%d]: client_id %q is there twice", i, a.ClientID)
		}
		if a.ClientSecret == "" {
			fault("applications[%d]: client_secret is empty", i)
		}
		seen[a.ClientID] = true
	}
	if len(c.Webhooks) > MaxWebhooks {
		fault("%d webhooks, at most %d are possible", len(c.Webhooks), MaxWebhooks)
	}
	for i, w := range c.Webhooks {
		if err := delivery.CheckURL(w.URL); err != nil {
			fault("webhooks[%d]: url %w", i, err)
		}
		if w.Method != "" && w.Method != http.MethodPost && w.Method != http.MethodGet {
			fault("webhooks[%d]: method is neither POST nor GET", i)
		}
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&c.Timeout, 5*time.Second)
	or(&c.Tokens.Access, 30*time.Minute)
	or(&c.Tokens.Refresh, 24*time.Hour)
	or(&c.Block.Time, 10*time.Minute)
	if c.Block.Failures == 0 {
		c.Block.Failures = 5
	}
	if c.Extension == nil {
		c.Extension = func(string) bool { return false }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
