package tx

import (
	"reflect"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// FuzzPlainURI: what is read here is read as sipgo reads it.
func FuzzPlainURI(f *testing.F) {
	for _, s := range []string{
		"sip:a@example.com", "sip:example.com", "sip:a@192.0.2.1:5060", "sip:a@example.com;transport=tcp;lr", "sip:a@example.com;lr;ob=1",
		"sip:a@b@c", "sip:a:b@c", "sip:a@c:", "sip:a@c:05060", "sip:a@c:123456", "sip:a@c;", "sip:a@c;;x", "sip:a@c;x=1;x=2", "sip:a@c;x=", "sip:a@c;=1",
		"sip:a;b=c@d;e=f", "sip:a@c;x=a=b", "sip:;x", "sip:@c", "sip:a@", "sip:a@c:5060;x", "sip:%41@c", "sip:1;x@", "sip:a@c;x;y=1;z", "sip:;\f", "sip:0;\v", "sip:0;\u00a0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var plain, other sip.Uri
		if hasAny(s, &notInURI) || hasAny(s, &lineBreaks) || !plainURI(s, &plain, &room{}) {
			return
		}
		if err := sip.ParseUri(s, &other); err != nil {
			t.Fatalf("%q: sipgo says %v", s, err)
		}
		if !reflect.DeepEqual(plain, other) || string(appendURI(nil, &plain)) != other.String() {
			t.Fatalf("%q: %+v, sipgo %+v", s, plain, other)
		}
	})
}
