package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// keepAlive is one connection to an HTTP server that asks prepared requests, one after the other. Of an answer it reads
// the status, the length and the body and nothing else, so that most of the CPU goes to the server.
type keepAlive struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte // of the last answer, until the next
}

// maxAnswer bounds the body of an answer.
const maxAnswer = 64 << 20

// dialHTTP connects to the server of a URL.
func dialHTTP(ctx context.Context, base string) (*keepAlive, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &keepAlive{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (k *keepAlive) close() { k.conn.Close() }

// getRequest is a GET of a URL as it goes over the wire.
func getRequest(base string, query url.Values) ([]byte, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "GET %s?%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: OpenAPI\r\n\r\n", u.Path, query.Encode(), u.Host), nil
}

// ask sends a request and reads its answer, which must have the status 200 and hold a text. It returns the time from just
// before the request is written until the last byte of the answer is read.
func (k *keepAlive) ask(request, holds []byte) (took time.Duration, err error) {
	from := time.Now()
	k.conn.SetDeadline(from.Add(apiAnswers))
	if _, err := k.conn.Write(request); err != nil {
		return 0, err
	}
	status, err := k.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer is %q", status)
	}
	if err := k.read(); err != nil {
		return 0, err
	}
	took = time.Since(from)
	if !bytes.Contains(k.body, holds) {
		return 0, fmt.Errorf("no %s in the answer %q", holds, k.body[:min(len(k.body), 200)])
	}
	return took, nil
}

// read takes the head of an answer behind its first line, and the body.
func (k *keepAlive) read() error {
	const name = "Content-Length: "
	length := -1
	for {
		line, err := k.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if bytes.HasPrefix(line, []byte(name)) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):]))); err != nil {
				return err
			}
		}
	}
	if length < 0 || length > maxAnswer {
		return errors.New("the answer has no Content-Length, or too long a body")
	}
	k.body = slices.Grow(k.body[:0], length)[:length]
	_, err := io.ReadFull(k.in, k.body)
	return err
}

// quantileOf is the nearest rank of times, which it sorts; 0 when there are none.
func quantileOf(q float64, times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[max(0, min(len(times)-1, int(q*float64(len(times))+0.999999)-1))]
}
