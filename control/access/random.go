package access

import (
	"bufio"
	"io"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Random makes texts of that many letters and digits from a source of random bytes, as crypto/rand.Reader, which never
// fails. What it returns is not safe for concurrent use.
func Random(source io.Reader, length int) func() string {
	in := bufio.NewReaderSize(source, 512)
	return func() string {
		text := make([]byte, length)
		for i := 0; i < length; {
			c, err := in.ReadByte()
			if err != nil {
				panic("no random bytes: " + err.Error())
			}
			// 248 is the largest multiple of 62 in a byte: above it some characters would come more often.
			if c < 248 {
				text[i] = alphabet[c%62]
				i++
			}
		}
		return string(text)
	}
}
