package callstate

import (
	"strings"
	"testing"
)

// TestEndedBy: the last notice tells whose leaving ended the call.
func TestEndedBy(t *testing.T) {
	const rings = "invite 1 from 2000 to 2001 | located 1 | progress 2 180"
	const talk = rings + " | answers 2 | confirms 1"
	for _, row := range []struct {
		name, played string
		want         Side
	}{
		{"the caller hangs up", talk + " | ends 1 normal", Caller},
		{"the callee hangs up", talk + " | ends 2 normal", Callee},
		{"the caller is hung up", talk + " | request end-leg 1", Caller},
		{"the callee is lost", talk + " | ends 2 lost", Callee},
		{"an application ends it", talk + " | request end", ""},
		{"the switch stops", talk + " | stopping", ""},
		{"the caller gives up", rings + " | ends 1 cancelled", Caller},
		{"the callee is busy", rings + " | ends 2 busy", ""},
		{"the callee leaves before they are joined", "media by hand | invite 1 from 2000 to 2001 | located 1 | offer-made 2 | answers 2 | ends 2 normal", Callee},
		{"the transferee leaves while its target is called", talk + " | request transfer callee to 2002 | ends 1 normal", Caller},
	} {
		d := newDesk(exampleDirectory())
		lines := strings.Split(row.played, " | ")
		byHand := lines[0] == "media by hand"
		if byHand {
			lines = lines[1:]
		}
		got := []Side{}
		for _, line := range lines {
			cmds, err := d.play(line, byHand)
			if err != nil {
				t.Fatalf("%s: %s: %v", row.name, line, err)
			}
			for _, cmd := range cmds {
				if p, ok := cmd.(Publish); ok && p.Notice.Kind == NoticeEnded {
					got = append(got, p.Notice.By)
				}
			}
		}
		if len(got) != 1 || got[0] != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}
