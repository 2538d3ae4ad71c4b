package ozeki

import (
	"testing"
)

// TestHosts is edge case X18: which URLs of scripts and commands may be requested.
func TestHosts(t *testing.T) {
	c := Config{
		Notify:     Notify{CallChanged: "http://app.example/changed", Error: "https://errors.example"},
		Extensions: []Extension{{Number: "9990", URL: "http://192.0.2.1:8080/in"}},
		Hosts:      []string{"other.example", "[2001:db8::1]:81", "third.example:8443"},
	}
	const base = "http://app.example/shop/in.php?job=1"
	for _, row := range []struct{ base, text, want string }{
		{"", "http://app.example/x", "http://app.example/x"},
		{"", " http://APP.example:80/x?a=b%26c#part ", "http://APP.example:80/x?a=b%26c"},
		{"", "https://errors.example:443/", "https://errors.example:443/"},
		{"", "http://192.0.2.1:8080/", "http://192.0.2.1:8080/"},
		{"", "https://other.example:9/", "https://other.example:9/"},
		{"", "http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/"},
		{"", "https://third.example:8443/", "https://third.example:8443/"},
		{base, "next.php?a=1", "http://app.example/shop/next.php?a=1"},
		{base, "/next", "http://app.example/next"},
		{base, "?a=1", "http://app.example/shop/in.php?a=1"},
		{base, "//other.example/x", "http://other.example/x"},
		{base, "https://errors.example/x", "https://errors.example/x"},
		// What a variable may hold: a blank, another alphabet, a text that is escaped already, parts of a URL.
		{"", "http://app.example/a b/ü?name=Tom Smith&city=Zürich", "http://app.example/a%20b/%C3%BC?name=Tom%20Smith&city=Z%C3%BCrich"},
		{base, "?q=a%20b&r=1+2|3&s=%zz", "http://app.example/shop/in.php?q=a%20b&r=1+2%7C3&s=%zz"},
		{"", "http://app .example/", ""},

		{"", "next.php", ""}, {"", "", ""}, {"", "/next", ""}, {"", "http://", ""}, {"", "http:app.example", ""},
		{"", "https://app.example/", ""}, {"", "http://app.example:81/", ""}, {"", "http://errors.example/", ""},
		{"", "http://192.0.2.1/", ""}, {"", "http://third.example/", ""}, {"", "http://app.example.evil.example/", ""},
		{"", "http://app.example@evil.example/", ""}, {"", "http://evil.example/?http://app.example/", ""},
		{"", "file:///etc/passwd", ""}, {"", "gopher://app.example/", ""}, {"", "javascript:alert(1)", ""},
		{"", "http://app.example\r\nX: y/", ""}, {"", "http://app.example/%zz", ""}, {base, "//evil.example/", ""},
		{base, "file:/etc/passwd", ""}, {"", "http://127.0.0.1/", ""}, {"", "http://[::1]/", ""}, {"", "http://localhost/", ""},
	} {
		got, err := newHosts(c).resolve(row.base, row.text)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%q from %q: got %q", row.text, row.base, got)
		}
	}
	c.Hosts = []string{"*"}
	if got, err := newHosts(c).resolve("", "https://anywhere.example/x"); err != nil || got != "https://anywhere.example/x" {
		t.Errorf("got %q", got)
	}
	if _, err := newHosts(c).resolve("", "ftp://anywhere.example/x"); err == nil {
		t.Error("any host is not any scheme")
	}
	if _, err := newHosts(Config{}).resolve("", "http:///x"); err == nil {
		t.Error("a host that is none")
	}
}
