package media

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"ringdown/callstate"
	"ringdown/media/internal/codec"
)

// A file that is removed or replaced while it is recorded is not told of as complete; the next recording makes the folder
// anew where that was removed.
func TestRecordRemoved(t *testing.T) {
	for want, spoil := range map[string]func(t *testing.T, folder string){
		"the file cannot be written: it was removed meanwhile": func(t *testing.T, folder string) {
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
		},
		"the file cannot be written: another one has its name": func(t *testing.T, folder string) {
			if err := os.WriteFile(folder+"/b", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(folder+"/b", filepath.Join(folder, "a.wav")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t, nil)
				all := s.parties(codec.PCMU, codec.PCMA)
				s.start(callstate.StartRecord{Ref: 1, File: "a.wav"})
				s.record(1, all...)
				talk(500*ms, all...)
				spoil(t, s.folder)
				if ev := s.stop(1); ev.Fail != want {
					t.Errorf("%q", ev.Fail)
				}
				s.start(callstate.StartRecord{Ref: 2, File: "c.wav"})
				s.record(2, all...)
				talk(500*ms, all...)
				if ev := s.stop(2); ev.Fail != "" || ev.Long < 400*ms {
					t.Errorf("%+v", ev)
				}
			})
		})
	}
}
