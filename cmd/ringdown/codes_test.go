package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringdown/bench/memnet"
	"ringdown/bench/phone"
	"ringdown/callstate"
)

// Two tones in one: what a transferor hears that is to dial a number, and after a number that came to nothing.
const (
	dialTone, dialTone2 = 350, 440
	busyTone, busyTone2 = 480, 620
)

// codeScene is two who talk, and phones that either may name; keys are pressed by RFC 4733 or by INFO.
type codeScene struct {
	*rig
	way    string
	alice  *phone.Phone // 2000, who called
	bob    *phone.Phone // 2001
	carol  *phone.Phone // 2002
	a, b   *phone.Call
	parted func() []string // notices of transfers by a phone: kind, and the numbers of the parties
}

// codesBy runs a test with both ways of pressing keys, and again with codecs that have to be converted.
func codesBy(t *testing.T, play func(s *codeScene), change ...func(*Config)) {
	for _, way := range []string{"event", "INFO"} {
		for _, how := range []string{"relayed", "transcoded"} {
			t.Run(way+" "+how, func(t *testing.T) {
				scene(t, func(r *rig) {
					s := &codeScene{rig: r, way: way, alice: r.phone("2000"), carol: r.phone("2002")}
					only := "PCMU"
					if how == "transcoded" {
						only = "PCMA"
					}
					s.bob = r.phone("2001", codecs(only))
					if how == "transcoded" {
						s.alice = r.phone("2000", codecs("PCMU"))
					}
					s.parted = r.partings()
					s.a, s.b = r.talk(s.alice, "2001", s.bob)
					play(s)
				}, change...)
			})
		}
	}
}

// partings writes down each notice that says which parties a phone has parted.
func (r *rig) partings() func() []string {
	var mu sync.Mutex
	var all []string
	r.Cleanup(r.sw.exchange.Watch(func(n callstate.Notice) {
		if len(n.Parties) == 0 {
			return
		}
		s := string(n.Kind)
		for _, p := range n.Parties {
			s += " " + p.Party.Number
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, s)
	}))
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, all...)
	}
}

// press has a phone's owner press keys.
func (s *codeScene) press(c *phone.Call, keys string) {
	s.Helper()
	for _, key := range keys {
		if s.way == "event" {
			s.ok(c.Media.SendDigit4733(key, 100))
			if err := c.Media.WaitSent(s.ctx); key != '#' { // with which the call may end
				s.ok(err)
			}
			continue
		}
		m, err := c.Info(s.ctx, "application/dtmf-relay", "Signal="+string(key)+"\r\nDuration=100\r\n")
		s.status(m, err, 200)
		s.pass(120 * time.Millisecond)
	}
}

// both waits until a call hears both tones of a pair.
func (s *codeScene) both(c *phone.Call, one, two int) {
	s.Helper()
	s.soon(3*time.Second, fmt.Sprintf("%d and %d Hz", one, two), func() bool {
		return c.Media.Hears(one, 100*time.Millisecond) && c.Media.Hears(two, 100*time.Millisecond)
	})
}

// nothingOf fails if anything of what was dialled reached the other party.
func (s *codeScene) nothingOf() {
	s.Helper()
	s.same("digits at alice", received(s.alice, s.a), "")
	s.same("events at alice", s.a.Media.Stats().Events, 0)
}

// *03 and a number: a dial tone, then silence; bob is released as carol rings, alice hears that, and they talk. Nobody
// has heard any of the digits, and it is told once who was parted.
func TestCodes_Blind(t *testing.T) {
	for _, end := range []string{"#", "in time"} {
		t.Run(end, func(t *testing.T) {
			codesBy(t, func(s *codeScene) {
				s.press(s.b, "*03")
				s.both(s.b, dialTone, dialTone2)
				s.pass(300 * time.Millisecond)
				s.music(s.a)
				s.press(s.b, "2002"+strings.Trim(end, "in time"))
				if end != "#" {
					s.ok(s.b.Media.WaitSilence(s.ctx))
				}
				c := s.rung(s.carol)
				s.ends(s.b)
				s.that(strings.Contains(c.Invite.Get("From"), "2000"), "carol sees %s", c.Invite.Get("From"))
				s.ringback(s.a)
				s.ok(c.Answer())
				s.tones(s.a, aliceTone, c, carolTone)
				s.nothingOf()
				s.same("parted", s.parted(), "[transferring 2000 2001]")
				if s.way == "event" {
					s.oneStream(s.a)
				}
				s.ok(s.a.Hangup())
				s.ends(c)
			})
		})
	}
}

// The caller dials codes too.
func TestCodes_ByCaller(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.a, "*032002#")
		c := s.rung(s.carol)
		s.ends(s.a)
		s.ok(c.Answer())
		s.tones(s.b, bobTone, c, carolTone)
		s.same("digits at bob", received(s.bob, s.b), "")
		s.same("parted", s.parted(), "[transferring 2001 2000]")
		s.ok(s.b.Hangup())
		s.ends(c)
	})
}

// *3 and a number: bob talks to carol while alice hears music; he hangs up, and the other two talk.
func TestCodes_Attended(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.b, "*3")
		s.both(s.b, dialTone, dialTone2)
		s.press(s.b, "2002#")
		c := s.rung(s.carol)
		s.that(strings.Contains(c.Invite.Get("From"), "2001"), "carol sees %s", c.Invite.Get("From"))
		s.ringback(s.b)
		s.ok(c.Answer())
		s.tones(s.b, bobTone, c, carolTone)
		s.music(s.a)
		s.same("parted before it is complete", s.parted(), "[]")
		s.ok(s.b.Hangup())
		s.hear(s.a, carolTone, c, aliceTone)
		s.nothingOf()
		s.same("parted", s.parted(), "[transferred 2000 2001]")
		s.ok(s.a.Hangup())
		s.ends(c)
	})
}

// Bob hangs up while carol rings: alice waits for her.
func TestCodes_AttendedEarly(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.b, "*32002#")
		c := s.rung(s.carol)
		s.ringback(s.b)
		s.ok(s.b.Hangup())
		s.ringback(s.a)
		s.same("parted", s.parted(), "[transferring 2000 2001]")
		s.ok(c.Answer())
		s.tones(s.a, aliceTone, c, carolTone)
		s.same("parted", s.parted(), "[transferring 2000 2001]")
		s.ok(s.a.Hangup())
		s.ends(c)
	})
}

// What comes to nothing is heard as the failure tone, and then alice and bob talk again: a busy target, a number that
// nobody has, one where nobody is registered, none at all. A star takes the transfer back at once.
func TestCodes_Nothing(t *testing.T) {
	for _, row := range []struct{ name, keys string }{
		{"busy", "*32002#"}, {"unknown", "*039999#"}, {"unregistered", "*032003#"}, {"no number", "*3#"}, {"itself", "*032000#"},
		{"star", "*0320*"},
	} {
		t.Run(row.name, func(t *testing.T) {
			codesBy(t, func(s *codeScene) {
				s.press(s.b, row.keys)
				if row.name == "busy" {
					s.ok(s.rung(s.carol).Reject(486, "Busy Here"))
				}
				if row.name != "star" {
					s.both(s.b, busyTone, busyTone2)
					s.music(s.a)
				}
				s.hear(s.a, bobTone, s.b, aliceTone)
				s.same("parted", s.parted(), "[]")
				s.nothingOf()
				s.press(s.b, "7")
				s.pass(400 * time.Millisecond)
				s.same("digits at alice", received(s.alice, s.a), "7")
				s.ok(s.a.Hangup())
				s.ends(s.b)
			})
		})
	}
}

// T7: the target of *03 is busy when bob has gone already; he is called back.
func TestCodes_T7_Recall(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.b, "*032002#")
		c := s.rung(s.carol)
		s.ends(s.b)
		s.ok(c.Reject(486, "Busy Here"))
		s.ringback(s.a)
		back := s.rung(s.bob)
		s.ok(back.Answer())
		s.tones(s.a, aliceTone, back, bobTone)
		s.ok(s.a.Hangup())
		s.ends(back)
	})
}

// Who hangs up while the number is dialled: bob without a number ends the call, with one he sends alice there; when alice
// does, bob hears that and is released.
func TestCodes_HangUp(t *testing.T) {
	t.Run("bob", func(t *testing.T) {
		codesBy(t, func(s *codeScene) {
			s.press(s.b, "*03")
			s.ok(s.b.Hangup())
			s.ends(s.a)
		})
	})
	t.Run("bob with a number", func(t *testing.T) {
		codesBy(t, func(s *codeScene) {
			s.press(s.b, "*032002")
			s.ok(s.b.Hangup())
			c := s.rung(s.carol)
			s.ok(c.Answer())
			s.tones(s.a, aliceTone, c, carolTone)
			s.same("parted", s.parted(), "[transferring 2000 2001]")
			s.ok(c.Hangup())
			s.ends(s.a)
		})
	})
	t.Run("alice", func(t *testing.T) {
		codesBy(t, func(s *codeScene) {
			s.press(s.b, "*0320")
			s.ok(s.a.Hangup())
			s.both(s.b, busyTone, busyTone2)
			s.ends(s.b)
		})
	})
}

// What is no code arrives, each key once, whole and in order, whether alice takes events, INFO or tones: keys that cannot
// become a code, a star that is followed too late, a second star, and what is pressed right behind them.
func TestCodes_NoCode(t *testing.T) {
	for _, to := range []string{"event", "INFO", "tones"} {
		for _, keys := range []string{"*99", "12*#", "5*04#7", "**0", "0123456789*"} {
			t.Run(keys+" to "+to, func(t *testing.T) {
				for _, way := range []string{"event", "INFO"} {
					t.Run(way, func(t *testing.T) {
						scene(t, func(r *rig) {
							alice := r.phone("2000", func(c *phone.Config) { c.NoEvents = to != "event" })
							s := &codeScene{rig: r, way: way, alice: alice, bob: r.phone("2001")}
							var opts []phone.Option
							if to == "tones" {
								opts = append(opts, phone.WithHeader("Allow", "INVITE, ACK, CANCEL, BYE, REFER, NOTIFY"))
							}
							var err error
							s.a, err = alice.Dial(r.ctx, "2001", opts...)
							r.ok(err)
							s.b = r.rung(s.bob)
							r.ok(s.b.Answer())
							r.ok(s.a.WaitAnswer(r.ctx))
							s.b.Media.SendSilence()
							s.press(s.b, keys)
							s.pass(4 * time.Second)
							s.press(s.b, "8")
							s.pass(time.Second)
							s.same("keys", received(alice, s.a), keys+"8")
							if to == "event" {
								s.oneStream(s.a)
								for _, d := range s.a.Media.Digits() {
									s.same("ends of "+string(d.Digit), d.Ends, 3)
									s.same("length of "+string(d.Digit), d.Duration, 800)
								}
							}
							s.ok(s.a.Hangup())
							s.ends(s.b)
						})
					})
				}
			})
		}
	}
}

// Without codes the same keys are digits like any other.
func TestCodes_Off(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.b, "*03*3")
		s.pass(2 * time.Second)
		s.same("keys", received(s.alice, s.a), "*03*3")
		s.hear(s.a, bobTone, s.b, aliceTone)
		s.ok(s.a.Hangup())
		s.ends(s.b)
	}, func(c *Config) { c.Features.Blind, c.Features.Attended = "", "" })
}

// Other codes can be chosen, and one of them alone.
func TestCodes_Configured(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.b, "*3")
		s.pass(2 * time.Second)
		s.same("keys", received(s.alice, s.a), "*3")
		s.press(s.b, "*772002#")
		c := s.rung(s.carol)
		s.ends(s.b)
		s.ok(c.Answer())
		s.tones(s.a, aliceTone, c, carolTone)
		s.same("keys", received(s.alice, s.a), "*3")
		s.ok(s.a.Hangup())
		s.ends(c)
	}, func(c *Config) { c.Features.Blind, c.Features.Attended = "*77", "" })
}

// A transfer that runs refuses what else is wanted, and a code that has begun gives way to it (A3, T8, D16).
func TestCodes_A3_T8_Crossing(t *testing.T) {
	codesBy(t, func(s *codeScene) {
		s.press(s.b, "*03")
		s.both(s.b, dialTone, dialTone2)
		call := s.only().CallID
		s.code(303, "BlindTransfer", "CallId", call, "TransferorParty", "callee", "Target", "2002")
		s.press(s.b, "*")
		s.hear(s.a, bobTone, s.b, aliceTone)
		s.press(s.b, "*0")
		s.must("BlindTransfer", "CallId", call, "TransferorParty", "callee", "Target", "2002")
		c := s.rung(s.carol)
		s.ok(c.Answer())
		s.ends(s.b)
		s.tones(s.a, aliceTone, c, carolTone)
		s.pass(time.Second)
		s.same("keys at alice", received(s.alice, s.a), "*0")
		s.same("parted", s.parted(), "[]")
		s.ok(s.a.Hangup())
		s.ends(c)
	})
}

// The same on real sockets, once: RFC 4733 through the sockets of the system.
func TestCodes_Loopback(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds of real time")
	}
	s := &codeScene{rig: loopRig(t), way: "event"}
	s.alice, s.bob, s.carol = s.three()
	s.parted = s.partings()
	s.a, s.b = s.talk(s.alice, "2001", s.bob)
	s.press(s.b, "5*9*03")
	s.both(s.b, dialTone, dialTone2)
	s.press(s.b, "2002#")
	c := s.rung(s.carol)
	s.ends(s.b)
	s.ringback(s.a)
	s.ok(c.Answer())
	s.tones(s.a, aliceTone, c, carolTone)
	s.same("keys", received(s.alice, s.a), "5*9")
	s.same("parted", s.parted(), "[transferring 2000 2001]")
	s.ok(s.a.Hangup())
	s.ends(c)
	s.settled()
}

// D1, D2, D4: a network that loses, repeats and delays packets changes no code and no number, and nothing of them leaks.
func TestCodes_D1_D2_D4_BadNetwork(t *testing.T) {
	for seed := range uint64(12) {
		for _, way := range []string{"event", "INFO"} {
			t.Run(fmt.Sprint(way, " ", seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := memRig(t, memnet.Options{Seed: seed, Loss: 0.05, Dup: 0.05, Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond})
					s := &codeScene{rig: r, way: way}
					s.alice, s.bob, s.carol = r.three()
					s.parted = s.partings()
					s.a, s.b = r.talk(s.alice, "2001", s.bob)
					s.press(s.b, "7")
					s.pass(time.Second)
					s.press(s.b, "*32002")
					s.pass(4 * time.Second) // an ACK, an INVITE or the 180 may have to be repeated
					c := s.rung(s.carol)
					s.ok(c.Answer())
					s.tones(s.b, bobTone, c, carolTone)
					s.ok(s.b.Hangup())
					s.hear(s.a, carolTone, c, aliceTone)
					s.same("digits at alice", received(s.alice, s.a), "7")
					s.same("parted", s.parted(), "[transferred 2000 2001]")
					s.ok(s.a.Hangup())
					s.ends(c)
					s.settled()
				})
			})
		}
	}
}
