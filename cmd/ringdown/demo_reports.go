package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// reportServer is a small HTTP server as an application has it: it takes reports.
type reportServer struct {
	server *http.Server
	url    string
	got    chan string // bodies; bounded, more are refused and come again
}

func newReportServer() (*reportServer, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &reportServer{url: "http://" + ln.Addr().String() + "/", got: make(chan string, 64)}
	s.server = &http.Server{Handler: s, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go s.server.Serve(ln) // close ends it
	return s, nil
}

func (s *reportServer) close() { s.server.Close() }

// ServeHTTP takes one report.
func (s *reportServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	select {
	case s.got <- string(body):
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// next waits for a report.
func (s *reportServer) next(ctx context.Context) (string, error) {
	select {
	case body := <-s.got:
		return body, nil
	case <-ctx.Done():
		return "", fmt.Errorf("no report: %w", ctx.Err())
	}
}

// print writes every report that comes until ctx ends.
func (s *reportServer) print(ctx context.Context, out io.Writer) {
	for {
		body, err := s.next(ctx)
		if errors.Is(err, context.Canceled) {
			return
		}
		fmt.Fprintf(out, "report: %s\n", body)
	}
}
