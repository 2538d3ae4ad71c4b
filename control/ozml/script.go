package ozml

// Script is a document that was read.
type Script struct {
	Elements []*Element // of the root
}

// Element is one element, its names as they were sent.
type Element struct {
	Name     string
	Attrs    map[string]string // by lower-case name
	Text     string            // its own, without that of its children; trimmed
	Children []*Element
	Line     int
}
