package callstate

// This file is the part of the ledger that is about applications' sides of calls.

// spares checks that neither sip nor media is told anything of an application's side: it has no dialog and no stream.
func (a *ledger) spares(cmds []Command) {
	for _, cmd := range cmds {
		if p, ok := cmd.(Publish); ok {
			for _, l := range p.Notice.Summary.Legs {
				if l.App {
					a.apps[l.ID] = true
				}
			}
		}
		for _, id := range names(cmd) {
			a.told[id] = cmd
		}
	}
	for id := range a.apps {
		if cmd, is := a.told[id]; is {
			a.fault("leg %s is an application's side, and is told of: %s", id, writeCommand(cmd))
		}
	}
}

// names are the legs that sip or media hear of by a command.
func names(cmd Command) (all []LegID) {
	switch cmd := cmd.(type) {
	case Signal, MediaCommand:
		if id, ok := about(cmd); ok {
			all = append(all, id)
		}
	}
	switch cmd := cmd.(type) {
	case Connect:
		all = append(all, cmd.Hears...)
	case MakeOffer:
		all = append(all, cmd.Like)
	case MakeAnswer:
		all = append(all, cmd.Like)
	case RecordLegs:
		all = append(all, cmd.Legs...)
	}
	return all
}
