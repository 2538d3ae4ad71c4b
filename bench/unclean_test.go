package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The first line says what to look at: what explains the other faults. The rest is short, and nothing of it is lost.
func TestUnclean(t *testing.T) {
	if err := unclean("calls", []error{nil, nil}); err != nil {
		t.Errorf("a run without faults: %v", err)
	}
	left := errors.New("3 calls are left")
	slow := lookAt(busy, "this machine", errors.New("sipp began 1 of 2 calls"))
	busyHere := lookAt(refused, "a 404", fmt.Errorf("sipp call: 1 of 2 calls failed\n%s", strings.Repeat("a line of a message\n", 60)))
	for _, row := range []struct {
		faults []error
		look   string
	}{
		{[]error{left}, "3 calls are left"},
		{[]error{left, busyHere, nil}, "a 404"},
		{[]error{left, busyHere, slow}, "this machine"},
		{[]error{left, slow, lookAt(gone, "the switch", errors.New("ended")), busyHere}, "the switch"},
	} {
		text := unclean("calls against ringdown at 400/s", row.faults).Error()
		lines := strings.Split(text, "\n")
		if want := "calls against ringdown at 400/s: NOT CLEAN, no figure. Look at: " + row.look; lines[0] != want {
			t.Errorf("%q, not %q", lines[0], want)
		}
		if len(lines) > 20 {
			t.Errorf("%d lines", len(lines))
		}
		if _, file, cut := strings.Cut(text, "all of it: "); cut {
			raw, err := os.ReadFile(file)
			must(t, err)
			must(t, os.Remove(file))
			if slices.Contains(row.faults, left) != strings.Contains(string(raw), left.Error()) || strings.Count(string(raw), "a line of a message") != 60 {
				t.Errorf("%s has not all of it:\n%s", file, raw)
			}
		}
	}
	if err := unclean("calls", []error{busyHere, context.Canceled, left}); err.Error() != "calls: interrupted, no figure" {
		t.Errorf("interrupted: %v", err)
	}
	if err := unclean("calls", []error{busyHere, left}); !errors.Is(err, left) {
		t.Error("a fault cannot be found in the error")
	}
}

// sipp's error log as it is, each kind of complaint once.
func TestComplaints(t *testing.T) {
	const at = "2026-11-29\t00:34:35.752171\t1795912475.752171: "
	answer := func(id, status, method string) string {
		return at + "Aborting call on unexpected message for Call-Id '" + id + "': while expecting '180' (index 2), received 'SIP/2.0 " + status +
			"\r\nVia: SIP/2.0/UDP 127.0.0.1:7470\r\nCSeq: 1 " + method + "\r\nContent-Length: 0\r\n\r\n'"
	}
	log := "The following events occurred:\n" + answer("1-10486.127.0.0.1", "404 Not Found", "INVITE") +
		at + "Dead call 1-10486.127.0.0.1 (aborted at index 2), received 'BYE sip:127.0.0.1 SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n'" +
		answer("2-10486.127.0.0.1", "503 Service Unavailable", "INVITE") + answer("3-10486.127.0.0.1", "503 Service Unavailable", "INVITE") +
		at + "Aborting call on unexpected message for Call-Id '4-10486.127.0.0.1': while expecting '200' (index 9), received 'BYE sip:700000@127.0.0.1 SIP/2.0\r\nCSeq: 7 BYE\r\n\r\n'" +
		at + "Call-Id: 5-10486.127.0.0.1, receive timeout on message call:2 without label to jump to (ontimeout attribute): aborting call.\n"
	var got []string
	for _, c := range complaints(log) {
		got = append(got, fmt.Sprintf("%d x %s", c.n, c.text))
	}
	want := []string{"2 x 503 Service Unavailable to INVITE", "1 x 404 Not Found to INVITE", "1 x BYE sip:X SIP/2.0",
		"1 x Call-Id: X, receive timeout on message call:2 without label to jump to (ontimeout attribute): aborting call."}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if all := complaints(at + "Dead call X (successful), received 'BYE sip:x SIP/2.0\r\n'"); len(all) != 1 || all[0].n != 1 {
		t.Errorf("only a dead call: %+v", all)
	}
	if all := complaints(""); len(all) != 0 {
		t.Errorf("an empty log: %+v", all)
	}
}
