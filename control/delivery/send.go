package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// transport is the one of a Sender's own.
func transport(c Config) http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: c.At, MaxConnsPerHost: c.At, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: maxReply, ForceAttemptHTTP2: !c.OneShot, DisableKeepAlives: c.OneShot, DisableCompression: true,
	}
}

// send makes one try. Its error names neither the URL nor what came back.
func (s *Sender) send(body []byte) error {
	req, err := http.NewRequestWithContext(s.ctx, s.Method, s.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	s.Head(req.Header, body)
	resp, err := s.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("answered with %d", resp.StatusCode)
	}
	if !s.OneShot {
		_, _ = io.CopyN(io.Discard, resp.Body, maxReply) // so that the connection can be used again
	}
	return nil
}
