package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"ringdown/bench/phone"
)

// ngClient speaks rtpengine's control protocol, "ng". A request is one datagram: a cookie, a space, a dictionary; the
// answer repeats the cookie. A cookie that rtpengine has seen, from whomever, gets what it got before, and nothing is
// carried out: so a request may be sent twice, and two clients may not have one cookie.
type ngClient struct {
	conn     net.Conn
	name     uint64        // begin of its cookies
	patience time.Duration // until a request is sent again
	asked    int
}

// ngTries is how often a request is sent before rtpengine counts as gone.
const ngTries = 6

func dialNG(address string) (*ngClient, error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, err
	}
	return &ngClient{conn: conn, name: rand.Uint64(), patience: 500 * time.Millisecond}, nil
}

// ask sends a command and waits for what it gives; a refusal is an error.
func (c *ngClient) ask(ctx context.Context, command string, request dict) (dict, error) {
	request["command"] = command
	c.asked++
	cookie := fmt.Appendf(nil, "%x-%d ", c.name, c.asked)
	text := append(cookie[:len(cookie):len(cookie)], encode(request)...)
	for range ngTries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, err := c.conn.Write(text); err != nil {
			return nil, fmt.Errorf("rtpengine, %s: %w", command, err)
		}
		answer, err := c.answer(cookie)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if result := answer["result"]; err == nil && result != "ok" && result != "pong" {
			err = fmt.Errorf("result %v: %v", result, answer["error-reason"])
		}
		if err != nil {
			return nil, fmt.Errorf("rtpengine, %s: %w", command, err)
		}
		return answer, nil
	}
	return nil, fmt.Errorf("rtpengine, %s: no answer, though asked %d times", command, ngTries)
}

// answer reads until an answer with the cookie comes; others belong to requests that were sent twice.
func (c *ngClient) answer(cookie []byte) (dict, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return nil, err
	}
	var buffer [1 << 16]byte
	for {
		n, err := c.conn.Read(buffer[:])
		if err != nil {
			return nil, err
		}
		if text, ok := bytes.CutPrefix(buffer[:n], cookie); ok {
			return decode(text)
		}
	}
}

// relayTalk is calls without phones: rtpengine is told both descriptions, as a proxy on the way would tell it.
type relayTalk struct {
	ng       *ngClient
	describe func() string
	calls    int
}

// relayCall names the call and its ends to rtpengine.
func relayCall(n int) dict {
	return dict{"call-id": fmt.Sprintf("bench-%d", n), "from-tag": "caller"}
}

// add offers the caller's description and answers with the callee's. What rtpengine makes of the one is what the
// callee would see, so the callee sends there; and the other way round.
func (k *relayTalk) add(ctx context.Context) (caller, callee netip.AddrPort, err error) {
	k.calls++
	if callee, err = k.tell(ctx, "offer", relayCall(k.calls)); err != nil {
		return caller, callee, err
	}
	request := relayCall(k.calls)
	request["to-tag"] = "callee"
	caller, err = k.tell(ctx, "answer", request)
	return caller, callee, err
}

// tell hands one description over and reads where rtpengine takes RTP. It is to relay and nothing else: the profile
// stays, RTCP has its own port, no ICE.
func (k *relayTalk) tell(ctx context.Context, command string, request dict) (netip.AddrPort, error) {
	request["sdp"] = k.describe()
	request["transport-protocol"] = "RTP/AVP"
	request["rtcp-mux"] = list{"demux"}
	request["ICE"] = "remove"
	answer, err := k.ng.ask(ctx, command, request)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("call %d: %w", k.calls, err)
	}
	text, _ := answer["sdp"].(string)
	sdp, err := phone.ParseSDP([]byte(text))
	if err == nil && (!sdp.Addr.Addr().IsLoopback() || sdp.Addr.Port() == 0) {
		err = errors.New("no audio on loopback")
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("call %d: rtpengine, %s: %w in %q", k.calls, command, err, text)
	}
	return sdp.Addr, nil
}

// hangUp deletes all calls. rtpengine answers with a warning when it knows one no longer.
func (k *relayTalk) hangUp(ctx context.Context) error {
	for ; k.calls > 0; k.calls-- {
		answer, err := k.ng.ask(ctx, "delete", relayCall(k.calls))
		if err != nil {
			return err
		}
		if warning := answer["warning"]; warning != nil {
			return fmt.Errorf("call %d had ended by itself: %v", k.calls, warning)
		}
	}
	return nil
}

func (k *relayTalk) close() { k.ng.conn.Close() }
