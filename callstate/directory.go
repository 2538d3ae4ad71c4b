package callstate

// Directory is who can be called: an immutable snapshot of the configuration, without secrets.
type Directory struct {
	Extensions map[string]Extension // by number
}

// Extension is one number of ours.
type Extension struct {
	Number string
	Name   string
}

// Knows tells whether number is an extension of ours.
func (d *Directory) Knows(number string) bool {
	_, ok := d.Extensions[number]
	return ok
}

// Party is the extension with its name; an unknown number stands for itself.
func (d *Directory) Party(number string) Party {
	return Party{Number: number, Name: d.Extensions[number].Name}
}
