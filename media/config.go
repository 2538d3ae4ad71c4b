package media

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"ringdown/callstate"
)

// Config is what an Engine needs. The zero value of a field means its default, where one is named.
type Config struct {
	Listen    netip.Addr // where RTP sockets bind; default 127.0.0.1
	Advertise netip.Addr // written into SDP; default Listen, must be given when that is unspecified
	PortMin   uint16     // RTP port pairs lie in PortMin..PortMax; 0, 0 lets the system choose
	PortMax   uint16
	Silence   time.Duration // after which a phone that should send and does not is reported; 0 is never
	Net       Network       // default: real UDP
	Music     string        // a WAV file that is played as music on hold, of at most 5 minutes; default: a built-in loop
	Folder    string        // the media folder, below which recordings are written; "": there are none
	Library   *Library      // what PlayClip can play; nil: nothing. It outlives the engine
	Portable  bool          // read through the runtime's poller even where there is epoll
	Single    bool          // a system call for each packet even where one can do for many (io_uring)

	// Drain is how long packets gather before they are forwarded, when a reader has so many sockets; the longer, the
	// cheaper. It concerns epoll alone. Default: not at all for fewer than 500, then 1 ms.
	Drain func(sockets int) time.Duration

	// Post takes what media has to say. It must not block and must not call the Engine: it runs in Do, in the readers
	// and in the clock.
	Post func(callstate.Event)

	// Recorded is told of every recording whose file is complete, once, after RecordEnded: the file as StartRecord named it,
	// how much it holds, and why it broke off, if it did. It runs in a goroutine of that recording, which Close waits for.
	// Default: nobody is told.
	Recorded func(file string, long time.Duration, fail string)

	Log *slog.Logger // default: nothing is logged
}

func (c Config) withDefaults() Config {
	if !c.Listen.IsValid() {
		c.Listen = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	c.Listen = c.Listen.Unmap()
	if !c.Advertise.IsValid() {
		c.Advertise = c.Listen
	}
	c.Advertise = c.Advertise.Unmap()
	if c.Drain == nil {
		c.Drain = drain
	}
	if c.Recorded == nil {
		c.Recorded = func(string, time.Duration, string) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports all faults at once, by field.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case c.Advertise.IsUnspecified():
		fault("Advertise: needed where Listen is %s: phones cannot send there", c.Listen)
	case c.Advertise.IsMulticast():
		fault("Advertise: %s is a multicast address", c.Advertise)
	case c.Advertise.Is4() && !c.Listen.Is4() && c.Listen != netip.IPv6Unspecified(),
		c.Advertise.Is6() && c.Listen.Is4():
		fault("Advertise: %s and Listen %s are of different families", c.Advertise, c.Listen)
	}
	if (c.PortMin == 0) != (c.PortMax == 0) {
		fault("PortMin, PortMax: give both or none")
	} else if c.PortMin != 0 && (uint(c.PortMin)+1)&^1+1 > uint(c.PortMax) {
		fault("PortMin, PortMax: %d-%d holds no pair of an even and an odd port", c.PortMin, c.PortMax)
	}
	if c.Silence < 0 {
		fault("Silence: %s is negative", c.Silence)
	}
	if c.Music != "" {
		if _, err := readMusic(c.Music); err != nil {
			fault("Music: %v", err)
		}
	}
	if c.Folder != "" {
		if err := folder(c.Folder).check(); err != nil {
			fault("Folder: %v", err)
		}
	}
	if c.Post == nil {
		fault("Post: missing")
	}
	return errors.Join(faults...)
}
