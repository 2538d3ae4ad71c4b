package access

import "strings"

const maxNumber = 64

// Number tells whether text may become the user part of a SIP URI as it stands (edge case A16). Blanks are refused at
// the ends too: a plus sign that was not escaped arrives as one, and +361... without its plus is somebody else.
func Number(text string) bool {
	if text == "" || len(text) > maxNumber {
		return false
	}
	for i := range len(text) {
		if !isAlphanumeric(text[i]) && strings.IndexByte("+*#-_.!~()", text[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
