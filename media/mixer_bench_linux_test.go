package media

import (
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkThreeWay is what 20 ms of a call of three cost: 3 packets in, without the system's part, 3 out, without it or
// with it. cpu-us/op is the time of the processor, which counts when others use the machine too; calls/core is how many
// such calls would fill one.
func BenchmarkThreeWay(b *testing.B) {
	for _, formats := range []string{"0 0 0", "0 8 0", "9 0 0", "9 9 0", "9 9 9"} {
		b.Run(formats, func(b *testing.B) {
			_, receive, tick := conference(b, strings.Fields(formats)...)
			threeWay(b, receive, tick)
		})
		b.Run(formats+" sent", func(b *testing.B) {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // nobody reads it
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			at := c.LocalAddr().(*net.UDPAddr).AddrPort()
			_, receive, tick := conferenceOn(b, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), func(c *Config) {
				c.Listen, c.Net, c.PortMin, c.PortMax = netip.MustParseAddr("127.0.0.1"), nil, 0, 0
			}, strings.Fields(formats)...)
			threeWay(b, receive, tick)
		})
	}
}

func threeWay(b *testing.B, receive, tick func()) {
	b.ReportAllocs()
	before := processor()
	n := 0
	for b.Loop() {
		receive()
		tick()
		n++
	}
	each := (processor() - before) / time.Duration(n)
	b.ReportMetric(float64(each)/1e3, "cpu-us/op")
	b.ReportMetric(float64(20*time.Millisecond)/float64(each), "calls/core")
}

// processor is the time that this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
