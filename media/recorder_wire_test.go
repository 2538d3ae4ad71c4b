package media

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// A relayed call over real sockets, in real time, is relayed packet by packet and recorded, on each back end.
func TestRecordBackends(t *testing.T) {
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) {
			folder := t.TempDir()
			b := k.bed(t, func(c *Config) { c.Folder = folder })
			alice, bob := b.phones("8", "8")
			v := &voice{handset: alice, kind: codec.PCMA, pt: 8, hz: 440, enc: codec.NewEncoder(codec.PCMA)}
			b.Do(callstate.StartRecord{Call: 1, Ref: 1, File: "a.wav"})
			if ev := await[callstate.RecordStarted](b); ev.Fail != "" {
				t.Fatal(ev.Fail)
			}
			b.Do(callstate.RecordLegs{Call: 1, Ref: 1, Legs: []callstate.LegID{alice.leg, bob.leg}})
			slots := time.NewTicker(20 * time.Millisecond)
			defer slots.Stop()
			for range 40 {
				frame := v.frame(20)
				alice.send(8, false, frame, 160)
				if p := bob.next(); !bytes.Equal(p.Payload, frame) {
					t.Fatal("a packet is not as it came")
				}
				<-slots.C
			}
			b.Do(callstate.EndRecord{Call: 1, Ref: 1})
			ev := await[callstate.RecordEnded](b)
			file, err := os.ReadFile(filepath.Join(folder, "a.wav"))
			if err != nil || ev.Fail != "" {
				t.Fatal(err, ev.Fail)
			}
			x := readTape(t, file)
			if x.length() != ev.Long || ev.Long < 700*time.Millisecond {
				t.Errorf("%s in the file, told %s", x.length(), ev.Long)
			}
			if l := x.part(200*time.Millisecond, 600*time.Millisecond).level(440); l < 0.3*loud/32768 {
				t.Errorf("the tone is at %.3f in it", l)
			}
		})
	}
}
