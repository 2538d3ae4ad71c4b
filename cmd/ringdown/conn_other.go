//go:build !linux

package main

import "net"

// quickListener is for systems on which no other way is known than package net's.
type quickListener struct{ net.Listener }
