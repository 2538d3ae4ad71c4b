package sip

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// RFC 3891 §6.1: what a Replaces header may look like.
func TestReadReplaces(t *testing.T) {
	abc := replaces{callID: "a@b", toTag: "t", fromTag: "f"}
	early := abc
	early.earlyOnly = true
	for value, want := range map[string]*replaces{
		"a@b;to-tag=t;from-tag=f":                                &abc,
		"a@b;from-tag=f;to-tag=t":                                &abc,
		"  a@b ; FROM-TAG = f ; To-Tag = t ":                     &abc,
		"a@b;to-tag=t;x-y=\"q\";from-tag=f;z":                    &abc,
		"a@b;early-only;to-tag=t;from-tag=f":                     &early,
		"a@b;to-tag=t;from-tag=f;early-only":                     &early,
		"a@b;to-tag=t;from-tag=f;EARLY-ONLY=true":                &early,
		"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff": {callID: "98732@sip.example.com", toTag: "ff87ff", fromTag: "r33th4x0r"},
		"a;to-tag=0;from-tag=0":                                  {callID: "a", toTag: "0", fromTag: "0"},
		"(a%2F)<b>:\\\"/[c]?{d}~`'+_*!.-;to-tag=t;from-tag=f":    {callID: "(a%2F)<b>:\\\"/[c]?{d}~`'+_*!.-", toTag: "t", fromTag: "f"},
		"a@b;to-tag=.!%*_+`'~-;from-tag=f":                       {callID: "a@b", toTag: ".!%*_+`'~-", fromTag: "f"},

		"":                                   nil,
		"a@b":                                nil,
		";to-tag=t;from-tag=f":               nil,
		"a@b;to-tag=t":                       nil,
		"a@b;from-tag=f":                     nil,
		"a@b;to-tag=;from-tag=f":             nil,
		"a@b;to-tag;from-tag=f":              nil,
		"a@b;to-tag=t;to-tag=t;from-tag=f":   nil,
		"a@b;to-tag=t;from-tag=f;from-tag=g": nil,
		"a@b@c;to-tag=t;from-tag=f":          nil,
		"@b;to-tag=t;from-tag=f":             nil,
		"a@;to-tag=t;from-tag=f":             nil,
		"a b;to-tag=t;from-tag=f":            nil,
		"a,b;to-tag=t;from-tag=f":            nil,
		"a@b;to-tag=t;from-tag=f, c@d;to-tag=t;from-tag=f":        nil,
		"a@b;to-tag=t;from-tag=f;x=1,c@d;to-tag=t":                nil,
		"a@b;to-tag=t;from-tag=f\r\nVia: SIP/2.0/UDP evil":        nil,
		"a@b\r\nVia: x;to-tag=t;from-tag=f":                       nil,
		"a@b;to-tag=t;from-tag=f;x=\"\r\nVia: SIP/2.0/UDP evil\"": nil,
		"a\x00b;to-tag=t;from-tag=f":                              nil,
		"\xc3\xa4;to-tag=t;from-tag=f":                            nil,
	} {
		got, ok := readReplaces(value)
		if ok != (want != nil) || ok && got != *want {
			t.Errorf("%q: %+v %v, expected %+v", value, got, ok, want)
		}
	}
}

// What is understood is written as it was read, and holds nothing that could begin another header or value.
func FuzzReadReplaces(f *testing.F) {
	for _, s := range []string{"a@b;to-tag=t;from-tag=f", "a;from-tag=0;early-only;to-tag=0;x=\"y\"", "a@b;to-tag=t;from-tag=f\r\nVia: x", "a@@;;=", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := readReplaces(s)
		if !ok {
			return
		}
		if strings.ContainsAny(s, "\r\n\x00,") || strings.ContainsAny(r.callID, " ;\r\n") {
			t.Errorf("%q was understood as %+v", s, r)
		}
		again := r.callID + ";to-tag=" + r.toTag + ";from-tag=" + r.fromTag
		if r.earlyOnly {
			again += ";early-only"
		}
		if r2, ok := readReplaces(again); !ok || r2 != r {
			t.Errorf("%q: %+v, then %+v %v", s, r, r2, ok)
		}
	})
}

// T15, T16, T17: what a Refer-To asks for. What is hostile in it is refused, what is superfluous dropped.
func TestReadReferTo(t *testing.T) {
	const ref = "Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df"
	for value, want := range map[string]string{ // number, Replaces; or a status
		"sip:2002@example.com":                        "2002",
		"<sip:2002@example.com>":                      "2002",
		" <sip:2002@example.com> ;x=y":                "2002",
		`"C, <a> \" rol" <sip:2002@example.com>`:      "2002",
		"Carol <sips:2002@example.com;transport=tls>": "2002",
		"<sip:2002;x=1@example.com:5099;user=phone>":  "2002",
		"<sip:%2Aa%3F@example.com>":                   "*a?",
		"<sip:2?2@example.com?X=y>":                   "2?2",
		"<SIP:2002@192.0.2.99>":                       "2002",
		"<sip:2002@[2001:db8::1]>":                    "2002",
		"tel:+15551234":                               "+15551234",
		"<tel:2002;phone-context=example.com>":        "2002",
		"<tel:2002?" + ref + ">":                      "2002 a@b;to-tag=t;from-tag=f",
		"<tel:2002?Replaces=a@b;to-tag=t;from-tag=f>": "2002 a@b;to-tag=t;from-tag=f",
		"2002":                                 "2002",
		"<2002>":                               "2002",
		"<+15551234>":                          "+15551234",
		"<*3#>":                                "*3#",
		"<sip:2002>":                           "2002",
		"<sip:2002@example.com;method=INVITE>": "2002",
		"<sip:2002@example.com;METHOD=invite>": "2002",
		"<sip:2002@example.com?From=a&Route=%3Csip:x%3E&X-A=b>":                        "2002",
		"<sip:2002@example.com?Require=replaces&" + ref + "&Subject=x>":                "2002 a@b;to-tag=t;from-tag=f",
		"sip:2002@example.com?" + ref:                                                  "2002 a@b;to-tag=t;from-tag=f",
		"<sip:2002@example.com?" + strings.ToLower(ref) + ">":                          "2002 a@b;to-tag=t;from-tag=f",
		"<sip:2002@example.com?replaces=a@b;to-tag=t;from-tag=f>":                      "2002 a@b;to-tag=t;from-tag=f",
		"<sip:2002@example.com?Replaces=a%2525b%3Bto-tag=t%3Bfrom-tag=f%3Bearly-only>": "2002 a%25b;to-tag=t;from-tag=f;early-only",
		"<sip:2002@example.com?Replaces=a%3Fb%3Bto-tag=t;from-tag=f>":                  "2002 a?b;to-tag=t;from-tag=f",
		"<sip:2002@example.com?Replaces=a?b%3Bto-tag=t;from-tag=f>":                    "2002 a?b;to-tag=t;from-tag=f",

		"":                                               "400",
		"<>":                                             "400",
		"<sip:2002@example.com":                          "400",
		"<sip:2002@example.com>, <sip:1@x.com>":          "400",
		"sip:2002@example.com, sip:1@x.com":              "400",
		"carol":                                          "400",
		"<sip:example.com>":                              "400",
		"<sip:@example.com>":                             "400",
		"<mailto:2002@example.com>":                      "416",
		"<https://example.com>":                          "416",
		"<sip:2002@example.com;method=BYE>":              "400",
		"<sip:2002@example.com;method=>":                 "400",
		"<sip:20%0D%0AVia:x@example.com>":                "400",
		"<sip:20%00@example.com>":                        "400",
		"<tel:20\x01>":                                   "400",
		"<sip:2002@example.com?Replaces>":                "400",
		"<sip:2002@example.com?Replaces=>":               "400",
		"<sip:2002@example.com?Replaces=a%40b>":          "400",
		"<sip:2002@example.com?" + ref + "&" + ref + ">": "400",
		"<sip:2002@example.com?" + ref + "&Join=x>":      "400",
		"<sip:2002@example.com?" + ref + "%0D%0AVia%3A%20SIP/2.0/UDP%20evil>":    "400",
		"<sip:2002@example.com?" + ref + "%3Bx%3D%22%0D%0AVia%3A%20y%22>":        "400",
		"<sip:2002@example.com?" + ref + "%2Cc%40d%3Bto-tag%3Dt%3Bfrom-tag%3Df>": "400",
		"<sip:" + strings.Repeat("2", 5000) + "@example.com>":                    "400",
		"<sip:2002@example.com?" + strings.Repeat("X=y&", 600) + ref + ">":       "400",
	} {
		r, status, reason := readReferTo(value)
		got := r.number
		if r.text != "" {
			got += " " + r.text
		}
		if status != 0 {
			got = fmt.Sprint(status)
		}
		if got != want {
			t.Errorf("%q: %q (%s), expected %q", value, got, reason, want)
		}
	}
}

// Nothing that comes out of a Refer-To can break a header, and what is in its Replaces can be read again.
func FuzzReadReferTo(f *testing.F) {
	for _, s := range []string{"sip:2002@example.com", `"a" <sip:%2A@x?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df&Require=replaces>`,
		"<tel:+1;x=y>", "2002", "<sip:2%0d%0a@x>", "<sip:a?b@c?d=e&f>", `"\`, "<sip:2002;method=BYE>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, status, _ := readReferTo(s)
		if (status == 0) == (r.number == "") {
			t.Fatalf("%q: number %q and status %d", s, r.number, status)
		}
		if status != 0 {
			return
		}
		for _, v := range []string{r.number, r.text} {
			if strings.ContainsAny(v, "\r\n\x00\x7f") {
				t.Errorf("%q gives %q", s, v)
			}
		}
		if again, ok := readReplaces(r.text); (r.text != "") != ok || again != r.replaces {
			t.Errorf("%q: %+v and %+v", s, r.replaces, again)
		}
	})
}

// P4: a dialog is known as ended for 32 s at least and 64 s at most, whichever way the generations fall, and the
// memory of a burst is bounded.
func TestPastDialogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPastDialogs()
		for range 10 {
			p.add("a", "l", "r")
			p.add("b", "l", "")
			for range 32 {
				if !p.has("a", "l", "r") || !p.has("b", "l", "0") {
					t.Fatal("forgotten too early")
				}
				time.Sleep(time.Second)
			}
			time.Sleep(7 * time.Second)
		}
		if p.has("a", "r", "l") || p.has("a", "l", "r2") || p.has("al", "", "r") {
			t.Error("another dialog is taken for an ended one")
		}
		time.Sleep(64 * time.Second)
		if p.has("a", "l", "r") || p.has("b", "l", "0") {
			t.Error("still known after 64 s")
		}
		for i := range 3 * pastMost {
			p.add(fmt.Sprint(i), "l", "r")
		}
		if n := len(p.young) + len(p.old); n > 2*pastMost || !p.has(fmt.Sprint(3*pastMost-1), "l", "r") {
			t.Errorf("%d dialogs are kept", n)
		}
	})
}

// 420 names the extensions alone that are not known where they are asked for.
func TestUnsupported(t *testing.T) {
	for _, tt := range []struct {
		method  sip.RequestMethod
		headers []string // name, value
		want    string
	}{
		{sip.INVITE, nil, ""},
		{sip.INVITE, []string{"Require", "replaces"}, ""},
		{sip.REFER, []string{"Require", "Replaces , norefersub"}, ""},
		{sip.INVITE, []string{"Require", "100rel, replaces", "Require", "timer"}, "100rel, timer"},
		{sip.INVITE, []string{"Require", "norefersub"}, "norefersub"},
		{sip.BYE, []string{"Require", "replaces"}, "replaces"},
		{sip.INVITE, []string{"Proxy-Require", "replaces"}, "replaces"},
		{sip.REFER, []string{"Require", "tdialog,,replaces"}, "tdialog"}, // T19
		{sip.CANCEL, []string{"Require", "x"}, ""},
	} {
		req := sip.NewRequest(tt.method, sip.Uri{})
		for i := 0; i+1 < len(tt.headers); i += 2 {
			req.AppendHeader(sip.NewHeader(tt.headers[i], tt.headers[i+1]))
		}
		if got := unsupported(req); got != tt.want {
			t.Errorf("%s %q: %q, expected %q", tt.method, tt.headers, got, tt.want)
		}
	}
}
