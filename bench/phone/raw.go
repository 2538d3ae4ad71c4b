package phone

import (
	"context"
	"strings"
)

// watch collects responses that Do waits for.
type watch struct {
	branch, callID, cseq string
	seen                 []*Message
}

// see keeps a response that belongs to the watch: by branch, or without one by Call-ID and CSeq.
func (w *watch) see(m *Message) {
	mine := m.Get("Call-ID") == w.callID && m.Get("CSeq") == w.cseq
	if w.branch != "" {
		mine = m.Branch() == w.branch
	}
	if mine && len(w.seen) < 100 {
		w.seen = append(w.seen, m)
	}
}

// Send sends bytes to the server as they are, in one datagram or one write.
func (p *Phone) Send(raw []byte) error {
	to, err := p.connect(p.ctx, peer{addr: p.server})
	if err != nil {
		return err
	}
	m, _ := ParseMessage(raw)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.write(to, raw, m, false)
}

// Fill completes the text of a message: line ends become CRLF, and {local} (address), {server}, {number}, {domain},
// {transport} (UDP), {branch}, {tag}, {callid} are replaced, the last three by one fresh value each.
func (p *Phone) Fill(text string) string {
	p.mu.Lock()
	branch, tag, id := "z9hG4bK"+p.token(16), p.token(8), p.token(16)
	p.mu.Unlock()
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	return strings.NewReplacer("{local}", p.local.String(), "{server}", p.server.String(), "{number}", p.cfg.Number,
		"{domain}", p.cfg.Domain, "{transport}", strings.ToUpper(p.cfg.Transport), "{branch}", branch, "{tag}", tag,
		"{callid}", id).Replace(text)
}

// Do sends a request given as text, which Fill completes, exactly once, and returns the first final response to it.
// Nothing is acknowledged, repeated or authorised.
func (p *Phone) Do(ctx context.Context, text string) (*Message, error) {
	raw := []byte(p.Fill(text))
	w := &watch{}
	if m, err := ParseMessage(raw); err == nil {
		w.branch, w.callID, w.cseq = m.Branch(), m.Get("Call-ID"), m.Get("CSeq")
	}
	p.mu.Lock()
	p.watches = append(p.watches, w)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.watches {
			if p.watches[i] == w {
				p.watches = append(p.watches[:i], p.watches[i+1:]...)
				return
			}
		}
	}()
	if err := p.Send(raw); err != nil {
		return nil, err
	}
	var final *Message
	err := p.await(ctx, "the answer to a raw request", func() bool {
		for _, m := range w.seen {
			if m.Status >= 200 {
				final = m
				return true
			}
		}
		return false
	})
	return final, err
}
