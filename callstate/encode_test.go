package callstate

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// fill puts a different value into every field of v, so that a field that gets lost shows.
func fill(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \"ü\"", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(*n)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n)) // more than a float holds
	case reflect.Uint32, reflect.Uint:
		v.SetUint(uint64(*n))
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Interface:
		r := reflect.New(reflect.TypeOf(BlindTransfer{})).Elem()
		fill(r, n)
		v.Set(r)
	case reflect.Struct:
		if v.Type() == reflect.TypeOf(time.Time{}) {
			v.Set(reflect.ValueOf(time.Unix(*n, 123456789).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), n)
			}
		}
	default:
		panic("no way to fill " + v.Type().String())
	}
}

func filled(t reflect.Type) any {
	v, n := reflect.New(t).Elem(), int64(0)
	fill(v, &n)
	return v.Interface()
}

func TestEncodeEvents(t *testing.T) {
	for name, typ := range eventKinds.types {
		for _, ev := range []Event{filled(typ).(Event), reflect.Zero(typ).Interface().(Event)} {
			if r, ok := ev.(Requested); ok && r.Req == nil {
				continue
			}
			b, err := EncodeEvent(ev)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := DecodeEvent(b); err != nil || !reflect.DeepEqual(got, ev) {
				t.Errorf("%s: %v\nwritten  %s\nread     %#v\nexpected %#v", name, err, b, got, ev)
			}
		}
	}
}

func TestEncodeCommands(t *testing.T) {
	for name, typ := range commandKinds.types {
		for _, cmd := range []Command{filled(typ).(Command), reflect.Zero(typ).Interface().(Command)} {
			b, err := EncodeCommand(cmd)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := DecodeCommand(b); err != nil || !reflect.DeepEqual(got, cmd) {
				t.Errorf("%s: %v\nwritten  %s\nread     %#v\nexpected %#v", name, err, b, got, cmd)
			}
		}
	}
}

func TestEncodeRequests(t *testing.T) {
	for name, typ := range requestKinds.types {
		ev := Requested{ID: 7, Ref: 1<<64 - 1, Req: filled(typ).(Request)}
		b, err := EncodeEvent(ev)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := DecodeEvent(b); err != nil || got != ev {
			t.Errorf("%s: %v\nwritten  %s\nread     %#v\nexpected %#v", name, err, b, got, ev)
		}
	}
}

// declared finds the structs of a file that embed one of the given types: the members of a closed set.
func declared(t *testing.T, file string, embed ...string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	marked := map[string]bool{} // types with a marker method of their own
	ast.Inspect(f, func(n ast.Node) bool {
		if d, ok := n.(*ast.FuncDecl); ok && d.Recv != nil && slices.Contains(embed, d.Name.Name) {
			if id, ok := d.Recv.List[0].Type.(*ast.Ident); ok {
				marked[id.Name] = true
			}
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		st, ok := spec.Type.(*ast.StructType)
		if !ok || !spec.Name.IsExported() || spec.Name.Name == "On" {
			return true
		}
		member := marked[spec.Name.Name]
		for _, field := range st.Fields.List {
			if id, ok := field.Type.(*ast.Ident); ok && len(field.Names) == 0 && slices.Contains(embed, id.Name) {
				member = true
			}
		}
		if member {
			names = append(names, spec.Name.Name)
		}
		return true
	})
	slices.Sort(names)
	return names
}

// TestEncodeKnowsEveryKind fails when somebody adds an event, a command or a request and forgets encode.go.
func TestEncodeKnowsEveryKind(t *testing.T) {
	for _, set := range []struct {
		kinds kinds
		file  string
		embed []string
	}{
		{eventKinds, "event.go", []string{"On", "event"}},
		{commandKinds, "command.go", []string{"toSignal", "toMedia", "toExchange"}},
		{requestKinds, "request.go", []string{"asked"}},
	} {
		var known []string
		for name := range set.kinds.types {
			known = append(known, name)
		}
		slices.Sort(known)
		if want := declared(t, set.file, set.embed...); !slices.Equal(known, want) || len(want) == 0 {
			t.Errorf("encode.go knows the %ss\n%v\nbut %s declares\n%v", set.kinds.of, known, set.file, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{``, "EOF"},
		{`{`, "unexpected EOF"},
		{`[]`, "cannot unmarshal array"},
		{`{"kind":"Nonsense","value":{}}`, `unknown event "Nonsense"`},
		{`{"kind":"","value":{}}`, `unknown event ""`},
		{`{"kind":"Hold","value":{}}`, `unknown event "Hold"`},
		{`{"kind":"Stopping","value":{"ID":1}} {}`, "data after the value"},
		{`{"kind":"Stopping","value":{"ID":1},"more":1}`, "unknown field"},
		{`{"kind":"Stopping","value":{"ID":1,"More":1}}`, "unknown field"},
		{`{"kind":"Stopping"}`, "EOF"},
		{`{"kind":"Stopping","value":{"ID":-1}}`, "cannot unmarshal"},
		{`{"kind":"Requested","value":{"ID":1,"Ref":1,"Req":{"kind":"Stopping","value":{}}}}`, `unknown request "Stopping"`},
		{`{"kind":"Requested","value":{"ID":1,"Ref":1}}`, "EOF"},
	} {
		if ev, err := DecodeEvent([]byte(c.in)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot %#v, %v\nexpected an error with %q", c.in, ev, err, c.want)
		}
	}
	if _, err := DecodeCommand([]byte(`{"kind":"Stopping","value":{}}`)); err == nil {
		t.Error("an event was read as a command")
	}
	if _, err := EncodeEvent(nil); err == nil {
		t.Error("no event was written")
	}
	if _, err := EncodeEvent(Requested{ID: 1}); err == nil {
		t.Error("a Requested without a request was written")
	}
	if _, err := EncodeCommand(nil); err == nil {
		t.Error("no command was written")
	}
}

// FuzzDecode: what can be read can be written, and reads as the same again.
func FuzzDecode(f *testing.F) {
	for _, typ := range eventKinds.types {
		b, err := EncodeEvent(filled(typ).(Event))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, typ := range commandKinds.types {
		b, err := EncodeCommand(filled(typ).(Command))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if ev, err := DecodeEvent(b); err == nil {
			again(t, ev, EncodeEvent, DecodeEvent)
		}
		if cmd, err := DecodeCommand(b); err == nil {
			again(t, cmd, EncodeCommand, DecodeCommand)
		}
	})
}

func again[T any](t *testing.T, v T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	b, err := encode(v)
	if err != nil {
		t.Fatalf("%#v cannot be written: %v", v, err)
	}
	w, err := decode(b)
	if err != nil {
		t.Fatalf("%s cannot be read: %v", b, err)
	}
	c, err := encode(w)
	if err != nil || !bytes.Equal(b, c) {
		t.Fatalf("%v\nwritten  %s\nand then %s", err, b, c)
	}
}
