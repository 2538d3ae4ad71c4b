package callstate

// Route is where a dialled number leads.
type Route struct {
	Number  string    // the extension to ring
	Refused CauseKind // why there is none; empty when there is
}

// Route looks a dialled number up.
func (d *Directory) Route(number string) Route {
	if d.Knows(number) {
		return Route{Number: number}
	}
	return Route{Refused: NotFound}
}
