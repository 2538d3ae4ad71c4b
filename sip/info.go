package sip

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ringdown/callstate"
	"ringdown/sip/internal/tx"
)

// infoQueue is digits that wait to be sent as INFO, one at a time.
type infoQueue struct {
	jobs []infoJob
	busy bool // an INFO or a pause is under way
}

type infoJob struct {
	ref    uint32
	digits string
}

const (
	infoJobs  = 16                     // strings that may wait
	infoPause = 500 * time.Millisecond // a comma
)

// infoReceived: a key press as INFO (application/dtmf-relay, application/dtmf).
func (l *leg) infoReceived(s *tx.Server) {
	req := s.Request()
	kind, _, _ := strings.Cut(first(req, "Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	switch {
	case first(req, "Info-Package") != "":
		l.a.respond(s, 469, "Bad Info Package", header("Recv-Info", "")) // RFC 6086 §4.2.2
		return
	case len(req.Body()) == 0:
		l.a.respond(s, 200, "") // RFC 2976 §2.2: no body, nothing to do
		return
	case kind != "application/dtmf-relay" && kind != "application/dtmf":
		l.a.respond(s, 415, "", header("Accept", "application/dtmf-relay, application/dtmf"))
		return
	}
	digit, length, ok := readDTMF(kind, string(req.Body()))
	if !ok {
		l.a.respond(s, 400, "Bad DTMF body")
		return
	}
	if digit != "" && !l.post(callstate.DigitReceived{On: l.on(), Digit: digit, Duration: length, Via: callstate.ByInfo}) {
		l.a.respond(s, 503, "")
		return
	}
	l.a.respond(s, 200, "")
}

// readDTMF reads "Signal=5\r\nDuration=160" or a bare digit. Flash is understood and dropped: digit is empty.
func readDTMF(kind, body string) (digit string, length time.Duration, ok bool) {
	length = 100 * time.Millisecond
	signal := strings.TrimSpace(body)
	if kind == "application/dtmf-relay" {
		signal = ""
		for line := range strings.Lines(body) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			value = strings.TrimSpace(value)
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "signal":
				signal = value
			case "duration":
				if ms, err := strconv.Atoi(value); err == nil && ms > 0 && ms <= 10_000 {
					length = time.Duration(ms) * time.Millisecond
				}
			}
		}
	}
	switch s := strings.ToUpper(signal); {
	case s == "10":
		return "*", length, true
	case s == "11":
		return "#", length, true
	case s == "16", s == "FLASH", s == "HF", s == "!":
		return "", length, true
	case len(s) == 1 && strings.Contains("0123456789*#ABCD", s):
		return s, length, true
	}
	return "", 0, false
}

// sendInfo queues digits to be sent as INFO.
func (l *leg) sendInfo(cmd callstate.SendInfo) {
	if l.phase != phaseConfirmed || l.hanging || len(l.info.jobs) >= infoJobs {
		l.post(callstate.DigitsSent{On: l.on(), Ref: cmd.Ref, Fail: "too many digits wait"})
		return
	}
	l.info.jobs = append(l.info.jobs, infoJob{cmd.Ref, cmd.Digits})
	if !l.info.busy {
		l.infoNext()
	}
}

// infoNext sends the next digit.
func (l *leg) infoNext() {
	q := &l.info
	q.busy = false
	if l.phase != phaseConfirmed || l.hanging {
		q.jobs = nil
		return
	}
	for len(q.jobs) > 0 && q.jobs[0].digits == "" {
		l.post(callstate.DigitsSent{On: l.on(), Ref: q.jobs[0].ref})
		q.jobs = q.jobs[1:]
	}
	if len(q.jobs) == 0 {
		return
	}
	digit := q.jobs[0].digits[:1]
	q.jobs[0].digits = q.jobs[0].digits[1:]
	q.busy = true
	if digit == "," {
		l.after(infoPause, timerPause, 0)
		return
	}
	req := l.newRequest(sip.INFO, 0)
	req.SetBody("application/dtmf-relay", []byte("Signal="+digit+"\r\nDuration=100\r\n"))
	_, err := l.ask(req, func(ev tx.ClientEvent) { l.put(infoIn{ev}) })
	if err != nil {
		l.infoFailed("cannot be sent")
	}
}

// infoResponse: an INFO was answered. Refused ones, or none at all, end this way of sending; only 481 ends the leg (E8).
func (l *leg) infoResponse(ev tx.ClientEvent) {
	switch {
	case ev.Err != nil:
		l.infoFailed("no answer")
	case ev.Res.StatusCode < 200:
	case ev.Res.StatusCode < 300:
		l.infoNext()
	case ev.Res.StatusCode == 481:
		l.infoFailed("481")
		l.lost()
	default:
		l.infoFailed(strconv.Itoa(ev.Res.StatusCode))
	}
}

func (l *leg) infoFailed(why string) {
	jobs := l.info.jobs
	l.info = infoQueue{}
	for _, j := range jobs {
		l.post(callstate.DigitsSent{On: l.on(), Ref: j.ref, Fail: why})
	}
}
