package media

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"ringdown/callstate"
	"ringdown/media/internal/sdp"
)

// negotiation is the offer/answer state of a leg (RFC 3264), as far as media owns it: whose turn it is, is sip's.
// Under leg.mu.
type negotiation struct {
	theirs *sdp.Session // the phone's offer, of OpenMedia until there is a newer one

	offered  *offer // our last offer. It stays, since a forked INVITE brings several answers to it
	answered string // the answer to it that is in force

	layout  []sdp.Media // the m= lines of the session; their number and order never change (RFC 3264 §8)
	audio   int         // the one in use
	numbers []sdp.Codec // payload types given out in this session; they keep their meaning (RFC 3264 §8.3.2)

	id, version uint64
	written     []byte // our last description
}

// offer is what we offered.
type offer struct {
	codecs    []sdp.Codec
	direction callstate.Direction
}

// negotiate carries out one step for a leg and posts its outcome.
func (e *Engine) negotiate(id callstate.LegID, ref uint32, step func(*leg) (callstate.Event, *failure)) {
	l := e.find(id)
	if l == nil {
		e.cfg.Post(callstate.MediaFailed{On: callstate.On{Leg: id}, Ref: ref, Reason: callstate.NoStream,
			Text: "no such leg in media"})
		return
	}
	l.mu.Lock()
	before := l.agreed.Load()
	ev, f := step(l)
	l.mu.Unlock()
	if f != nil {
		e.cfg.Log.Info("media: cannot negotiate", "leg", id.String(), "reason", f.text)
		l.post(callstate.MediaFailed{On: l.on(), Ref: ref, Reason: f.reason, Text: f.text})
		return
	}
	l.post(ev)
	if l.agreed.Load() != before {
		e.rewire(l)
	}
}

// keepOffer reads the offer that came with OpenMedia, so that the other legs can be offered the same.
func (l *leg) keepOffer(body []byte) *failure {
	s, f := l.read(body)
	if f != nil {
		return f
	}
	l.nego.theirs = s
	p := listed(&s.Media[s.Audio])
	l.partner.Store(&p)
	return nil
}

// read reads a description with usable audio.
func (l *leg) read(body []byte) (*sdp.Session, *failure) {
	s, err := sdp.Parse(body)
	if err != nil {
		return nil, failed(callstate.BadSDP, "%v", err)
	}
	if s.Audio < 0 {
		var lines []string
		for _, m := range s.Media {
			lines = append(lines, m.Type+" "+m.Proto)
		}
		return nil, failed(callstate.NoCodec, "no audio over RTP/AVP, only %s", strings.Join(lines, ", "))
	}
	m := &s.Media[s.Audio]
	if m.Off() || m.Addr.IsUnspecified() { // edge cases H3, H4
		return s, nil
	}
	if text := l.e.hosts.refuse(m.Remote()); text != "" {
		return nil, failed(callstate.BadSDP, "sdp: line %d: %s", m.ConnLine(), text)
	}
	return s, nil
}

func listed(m *sdp.Media) sdp.Partner { return sdp.Partner{Listed: m.Codecs, Ptime: m.Ptime} }

// like returns what is known of the leg whose codecs come first.
func (e *Engine) like(id callstate.LegID) sdp.Partner {
	if id.Zero() {
		return sdp.Partner{}
	}
	if l := e.find(id); l != nil {
		if p := l.partner.Load(); p != nil {
			return *p
		}
	}
	return sdp.Partner{}
}

// makeOffer offers what can be connected to Like first, then what else Like's phone listed.
func (l *leg) makeOffer(c callstate.MakeOffer) (callstate.Event, *failure) {
	p := l.e.like(c.Like)
	if own := l.partner.Load(); c.Like.Zero() && own != nil {
		p = *own // edge case R10: all that this leg itself can do
	}
	codecs := l.number(sdp.OfferCodecs(p, c.Mixable))
	direction := c.Direction
	if direction == "" {
		direction = callstate.SendRecv
	}
	line := sdp.Out{Type: "audio", Proto: "RTP/AVP", Port: l.port, Codecs: codecs, Ptime: p.Ptime, Direction: direction}
	lines := []sdp.Out{line}
	if n := &l.nego; len(n.layout) > 0 {
		lines = refuseAll(n.layout)
		line.Proto = n.layout[n.audio].Proto
		lines[n.audio] = line
	}
	l.nego.offered, l.nego.answered = &offer{codecs, direction}, ""
	return callstate.OfferMade{On: l.on(), Ref: c.Ref, SDP: l.write(lines)}, nil
}

// makeAnswer answers the phone's offer; what it says is in force from then on.
func (l *leg) makeAnswer(c callstate.MakeAnswer) (callstate.Event, *failure) {
	s := l.nego.theirs
	if len(c.Offer) > 0 {
		var f *failure
		if s, f = l.read(c.Offer); f != nil {
			return nil, f
		}
	}
	if s == nil {
		return nil, failed(callstate.BadSDP, "there is no offer to answer")
	}
	m := &s.Media[s.Audio]
	lines := refuseAll(s.Media)
	a, suits := &agreed{phone: callstate.Inactive}, listed(m)
	if !m.Off() {
		var f *failure
		var line sdp.Out
		if a, line, f = l.accept(m, l.e.like(c.Like), c); f != nil {
			return nil, f
		}
		lines[s.Audio] = line
		suits.Using = a.codec
		suits.Using.Fmtp = fmtpOf(m.Codecs, a.codec)
		l.renumber(line.Codecs)
	}
	n := &l.nego
	// The same offer may be answered twice, in a 183 and in the 200: that is one negotiation.
	fresh := n.theirs != s || l.agreed.Load() == nil
	n.theirs, n.layout, n.audio = s, s.Media, s.Audio
	body := l.write(lines)
	l.adopt(a, suits, fresh)
	return callstate.AnswerMade{On: l.on(), Ref: c.Ref, SDP: body, Facts: a.facts()}, nil
}

// accept works out the answer to an audio line that is on: one codec, and telephone-event if it was offered.
func (l *leg) accept(m *sdp.Media, p sdp.Partner, c callstate.MakeAnswer) (*agreed, sdp.Out, *failure) {
	offered := m.Codecs
	if c.Mixable {
		offered = slices.DeleteFunc(slices.Clone(offered), func(c sdp.Codec) bool { return c.Audio() && !c.Mixable() })
	}
	if own := l.agreed.Load(); p.Using.Name == "" && p.Listed == nil && !own.off() {
		if _, still := sdp.Find(offered, own.codec); still {
			p.Using = own.codec // nobody wants another one
		}
	}
	codec, ok := sdp.Choose(offered, p)
	if !ok {
		if c.Mixable {
			return nil, sdp.Out{}, failed(callstate.NoCodec, "offered %s, none of which can be played in", names(m.Codecs))
		}
		return nil, sdp.Out{}, failed(callstate.NoCodec, "offered %s, the partner has %s", names(m.Codecs), partnerNames(p))
	}
	wish := c.Direction
	if wish == "" {
		wish = callstate.SendRecv
	}
	direction := sdp.AnswerDirection(m.Direction, wish)
	a := &agreed{codec: codec, pt: codec.PT, phone: sdp.Reverse(direction)}
	if !m.Addr.IsUnspecified() {
		a.remote = m.Remote()
	}
	ours := codec
	theirs, ok := p.Using, p.Using.Same(codec)
	if !ok {
		theirs, ok = sdp.Find(p.Listed, codec)
	}
	if ok && theirs.Fmtp != "" {
		ours.Fmtp = theirs.Fmtp // what the packets go to, is what can take them
	}
	answer := append(make([]sdp.Codec, 0, 2), ours)
	if e, ok := sdp.ChooseEvent(m.Codecs, codec); ok {
		if e.Fmtp == "" {
			e.Fmtp = "0-15"
		}
		answer = append(answer, e)
	}
	a.agree(answer, m.Codecs)
	return a, sdp.Out{Type: m.Type, Proto: m.Proto, Port: l.port, Codecs: answer, Ptime: m.Ptime, Direction: direction}, nil
}

// takeAnswer puts the phone's answer to our last offer into force.
func (l *leg) takeAnswer(c callstate.TakeAnswer) (callstate.Event, *failure) {
	n := &l.nego
	if n.offered == nil {
		return nil, failed(callstate.BadSDP, "there is no offer of ours that this could answer")
	}
	s, f := l.read(c.Answer)
	if f != nil {
		return nil, f
	}
	m := &s.Media[s.Audio]
	a, f := l.match(m)
	if f != nil {
		return nil, f
	}
	suits := listed(m)
	suits.Using = a.codec
	suits.Using.Fmtp = fmtpOf(m.Codecs, a.codec)
	if n.layout == nil {
		n.layout, n.audio = s.Media[s.Audio:s.Audio+1:s.Audio+1], 0
	}
	fresh := n.answered != s.Text // a 200 that repeats the SDP of its 183 changes nothing
	n.answered = s.Text
	l.adopt(a, suits, fresh)
	return callstate.AnswerTaken{On: l.on(), Ref: c.Ref, Facts: a.facts()}, nil
}

// match compares an answer's audio line with our offer.
func (l *leg) match(m *sdp.Media) (*agreed, *failure) {
	o := l.nego.offered
	if m.Off() {
		if l.agreed.Load() == nil {
			return nil, failed(callstate.NoCodec, "the phone refused the audio (port 0)")
		}
		return &agreed{phone: callstate.Inactive}, nil
	}
	a := &agreed{}
	theirs := m.Understand(o.codecs)
	for _, t := range theirs {
		if _, ok := sdp.Find(o.codecs, t); ok && t.Audio() {
			a.codec, a.pt = t, t.PT // RFC 3264 §7: the first of the answer is the one to send
			break
		}
	}
	if a.off() {
		return nil, failed(callstate.NoCodec, "answered %s, offered were %s", names(theirs), names(o.codecs))
	}
	// What the phone says, as far as our offer let it.
	a.phone = sdp.AnswerDirection(o.direction, m.Direction)
	if !m.Addr.IsUnspecified() {
		a.remote = m.Remote()
	}
	a.agree(o.codecs, theirs)
	return a, nil
}

func refuseAll(media []sdp.Media) []sdp.Out {
	lines := make([]sdp.Out, len(media))
	for i := range media {
		lines[i] = sdp.Refused(&media[i])
	}
	return lines
}

// write renders a description of ours. The version rises only when something has changed (RFC 3264 §8). Nobody writes into it.
func (l *leg) write(lines []sdp.Out) []byte {
	n := &l.nego
	var room [512]byte
	local := sdp.Local{ID: n.id, Version: n.version, Addr: l.e.advertise(), Media: lines}
	if n.written == nil || !bytes.Equal(sdp.Append(room[:0], local), n.written) {
		n.version++
		local.Version = n.version
		n.written = sdp.Write(local)
	}
	return n.written
}

func (e *Engine) advertise() netip.Addr { return e.cfg.Advertise }

func fmtpOf(list []sdp.Codec, c sdp.Codec) string {
	found, _ := sdp.Find(list, c)
	return found.Fmtp
}

// names lists codecs for a message; a phone may have sent very many.
func names(list []sdp.Codec) string {
	const most = 10
	var s []string
	for i, c := range list {
		if i == most {
			s = append(s, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		s = append(s, c.Name)
	}
	if s == nil {
		return "nothing that has a name"
	}
	return strings.Join(s, " ")
}

func partnerNames(p sdp.Partner) string {
	if p.Using.Name != "" {
		return p.Using.Name
	}
	return names(p.Listed)
}

// ReadSDP reads the facts of a body. The error says what is wrong with it, and where. A body without usable audio has
// no codec; that is no error.
func ReadSDP(body []byte) (callstate.Facts, error) { return sdp.Facts(body) }
