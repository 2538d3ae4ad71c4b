package ozml

import (
	"strings"
	"testing"
)

// TestReplace: spec ozeki 7.2.
func TestReplace(t *testing.T) {
	s := newStore()
	s.set("Name", "Ann")
	s.set("name2", "Bob")
	s.set("again", "$name")
	s.set("empty", "")
	for _, row := range [][2]string{
		{"no dollar", "no dollar"},
		{"", ""},
		{"$name", "Ann"},
		{"$NAME", "Ann"},
		{"Hello $name.", "Hello Ann."},
		{"$name2", "Bob"},    // the longest name
		{"$name3", "$name3"}, // which is unknown, though a part of it is not
		{"$unknown stays", "$unknown stays"},
		{"$again", "$name"}, // a value is not looked through again
		{"a${name}b", "a${name}b"},
		{"$empty|", "|"},
		{"$$name", "$name"},
		{"$$$name", "$Ann"},
		{"$$$$", "$$"},
		{"5$", "5$"},
		{"$5", "$5"},
		{"$item.message", "$item.message"},
		{"é$name", "éAnn"},
		{"$nameé", "Anné"},
	} {
		if got, ok := s.replace(row[0], 100); !ok || got != row[1] {
			t.Errorf("%q became %q, not %q", row[0], got, row[1])
		}
	}
	if _, ok := s.replace(strings.Repeat("$name", 34), 100); ok {
		t.Error("102 bytes were no more than 100")
	}
}

// TestHeld: what variables hold is counted up and down.
func TestHeld(t *testing.T) {
	s := newStore()
	half := strings.Repeat("x", maxHeld/2)
	for range 5 { // set anew, not added
		if !s.set("a", half) || !s.setItems("l", []string{half[:maxHeld/4]}) {
			t.Fatal("no room for three quarters")
		}
	}
	if s.set("b", half) || s.setItems("l", []string{half}) {
		t.Error("room for more than all")
	}
	s.forget("a")
	s.setItems("l", nil)
	if s.held != len("l") {
		t.Errorf("%d bytes are held by one empty array", s.held)
	}
}

// TestVariables: Var, Array and ForEach (spec ozeki 9.7 and 9.8).
func TestVariables(t *testing.T) {
	doubling := `<Var ID="a">0123456789abcdef</Var>` + strings.Repeat(`<Var ID="a">$a$a</Var>`, 14)
	for _, s := range []scene{
		{name: "set and set again", script: `<Var ID="a">x</Var><Speak>$a</Speak><var id="A" value="y"/><Speak Party="$a">$A-$b</Speak>`, want: `
			0s Speak text=x
			1s Speak party=y text=y-$b
			2s Ended`},
		{name: "at the start of the element", script: `<Var ID="a">x</Var><Array ID="l"><item>$a</item></Array><Var ID="a">y</Var>
			<ForEach Source="l"><Speak>$item$a</Speak></ForEach>`, want: `
			0s Speak text=xy
			1s Ended`},
		{name: "a value is no name", script: `<Var ID="a">$$b</Var><Var ID="b">x</Var><Speak>$a</Speak>`, want: `
			0s Speak text=$b
			1s Ended`},
		{name: "Vars that are none", script: `<Var>x</Var><Var ID="1a">x</Var><Var ID="$a">x</Var><Array><item>x</item></Array><Array ID="a b"/>`, want: `
			0s fault 302 Missing or invalid parameter 'ID' for command 'Var'
			0s fault 302 Missing or invalid parameter 'ID' for command 'Var'
			0s fault 302 Missing or invalid parameter 'ID' for command 'Var'
			0s fault 302 Missing or invalid parameter 'ID' for command 'Array'
			0s fault 302 Missing or invalid parameter 'ID' for command 'Array'
			0s Ended`},
		{name: "an empty value is one", script: `<Var ID="a"/><Speak>[$a]</Speak>`, want: `
			0s Speak text=[]
			1s Ended`},
		{name: "what is no item", script: `<Array ID="l"><item>a</item><Foo/><Speak/><Item Value="b"/></Array><ForEach Source="L"><Speak>$item</Speak></ForEach>`, want: `
			0s fault 301 Not implemented command: 'Foo'
			0s fault 303 Command 'Speak' cannot be used here
			0s Speak text=a
			1s Speak text=b
			2s Ended`},
		{name: "an inner loop hides the item of the outer", script: `<Array ID="o"><item>1</item><item>2</item></Array><Array ID="i"><item>a</item><item>b</item></Array>
			<ForEach Source="o"><ForEach Source="i"><Beep Party="$item"/></ForEach><Speak>$item</Speak></ForEach><Speak>$item</Speak>`, want: `
			0s Beep party=a
			500ms Beep party=b
			1s Speak text=1
			2s Beep party=a
			2.5s Beep party=b
			3s Speak text=2
			4s Speak text=$item
			5s Ended`},
		{name: "an array of nothing", script: `<Array ID="l"/><ForEach Source="l"><Beep/></ForEach>`, want: `0s Ended`},
		{name: "no such array", script: `<ForEach Source="l"><Beep/></ForEach><ForEach><Beep/></ForEach><Beep/>`, want: `
			0s fault 302 Missing or invalid parameter 'Source' for command 'ForEach'
			0s fault 302 Missing or invalid parameter 'Source' for command 'ForEach'
			0s Beep
			500ms Ended`},
		{name: "a loop that is left", script: `<Array ID="l"><item>1</item><item>2</item></Array><ForEach Source="l"><Speak>$item</Speak><Exit/></ForEach><Beep/>`, want: `
			0s Speak text=1
			1s Ended`},
		{name: "a value that grows", script: doubling + `<Speak>end</Speak>`, want: `
			0s fault 302 Missing or invalid parameter 'Value' for command 'Var'
			0s fault 302 Missing or invalid parameter 'Value' for command 'Var'
			0s fault 302 Missing or invalid parameter 'Value' for command 'Var'
			0s Speak text=end
			1s Ended`},
	} {
		s.run(t)
	}
}
