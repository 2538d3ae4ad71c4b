package callstate

import "time"

// Settings are the call's own limits. A zero duration switches the limit off, except RingTimeout.
type Settings struct {
	RingTimeout time.Duration // how long one number rings
	MaxCall     time.Duration // calls.max: how long a call may last
	Hops        int           // calls.hops: how often a call may be sent on
	Decide      time.Duration // how long an application may take to say where a call goes; 0: none is asked (spec ozeki 9.1)
	Transfer    TransferSettings
	Features    Features
}

// Features are the codes that an extension can dial during a call. An empty code is off.
type Features struct {
	Blind, Attended string        // "*03", "*3": a `*` and then digits; none is the beginning of another
	CodeTimeout     time.Duration // between two digits of a code
	DigitTimeout    time.Duration // between two digits of the target's number
}

// TransferSettings say what a transfer does when its target does not answer.
type TransferSettings struct {
	NoAnswer time.Duration // how long the target, or a recalled transferor, rings
	OnFail   string        // "recall": call the transferor back when it has left; "release": end the transferee
	Retries  int           // how often the transferor is called back
	Delay    time.Duration // pause before each call back
}

// DefaultSettings are those of the documented configuration.
func DefaultSettings() Settings {
	return Settings{
		RingTimeout: 30 * time.Second,
		MaxCall:     12 * time.Hour,
		Hops:        5,
		Transfer:    TransferSettings{NoAnswer: 15 * time.Second, OnFail: "recall", Retries: 2, Delay: 10 * time.Second},
		Features:    Features{Blind: "*03", Attended: "*3", CodeTimeout: time.Second, DigitTimeout: 3 * time.Second},
	}
}
