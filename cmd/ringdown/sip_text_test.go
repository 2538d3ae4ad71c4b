package main

import (
	"fmt"
	"strings"

	"ringdown/bench/phone"
)

func itoa[T int | uint16](n T) string { return fmt.Sprint(n) }

func mustParse(r *rig, text string) *phone.Message {
	r.Helper()
	m, err := phone.ParseMessage([]byte(text))
	r.ok(err)
	return m
}

// sentStatus is the first answer to an INVITE with that status that the phone sent.
func sentStatus(p *phone.Phone, status int) string {
	for _, e := range p.Transcript() {
		if e.Out && strings.HasPrefix(e.Text, fmt.Sprint("SIP/2.0 ", status)) && strings.Contains(e.Text, " INVITE\r\n") {
			return e.Text
		}
	}
	return ""
}
