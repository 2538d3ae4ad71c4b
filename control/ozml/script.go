package ozml

// Script is a document that was read.
type Script struct {
	Elements []*Element // of the root
	URL      string     // where it came from, set by whoever fetched it; empty when nobody did
}

// Element is one element. Its name is as it was sent, but for the prefix of a namespace.
type Element struct {
	Name     string
	Attrs    map[string]string // by lower-case name; those of a namespace are left out
	Text     string            // its own, without that of its children; trimmed
	Children []*Element
	Line     int // of its start tag, from 1
}

// Rejects tells whether the script refuses the incoming call that it is the answer to: its first element decides (spec
// ozeki 7.1). Any other script, an empty one too, takes the call.
func (s *Script) Rejects() bool {
	return s != nil && len(s.Elements) > 0 && lower(s.Elements[0].Name) == "reject"
}

// lower folds the letters that names of OzML are made of, and no others: so that a name is the same length as before.
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}
