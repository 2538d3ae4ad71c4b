package main

import (
	"strings"
	"testing"
)

// TestImportRules proves that the rules of imports_test.go can fail, and that they let pass what the tree allows.
func TestImportRules(t *testing.T) {
	for _, c := range []struct {
		from, imports string
		test          bool
		want          string // part of the reason; "" for allowed
	}{
		{from: "callstate", imports: "time"},
		{from: "callstate", imports: "github.com/looplab/fsm"},
		{from: "callstate", imports: "net", want: "no I/O"},
		{from: "callstate", imports: "net/netip", want: "no I/O"},
		{from: "callstate", imports: "log/slog", want: "no I/O"},
		{from: "callstate", imports: "math/rand/v2", want: "no I/O"},
		{from: "callstate", imports: "github.com/pion/rtp", want: "nothing else from outside"},
		{from: "callstate", imports: "ringdown/sip", want: "pure core"},
		{from: "callstate", imports: "ringdown/callstate/exchange", want: "pure core"},
		{from: "callstate", imports: "os", test: true},
		{from: "callstate", imports: "ringdown/callstate", test: true},
		{from: "callstate", imports: "ringdown/bench/memnet", want: "pure core"},
		{from: "callstate/exchange", imports: "ringdown/callstate"},
		{from: "callstate/exchange", imports: "os"},
		{from: "callstate/exchange", imports: "ringdown/control/ozeki", want: "declares the interfaces"},
		{from: "callstate/exchange", imports: "ringdown/sip", test: true, want: "declares the interfaces"},
		{from: "callstate/exchange", imports: "ringdown/bench/phone", test: true},
		{from: "sip", imports: "ringdown/callstate"},
		{from: "sip", imports: "ringdown/sip/internal/tx"},
		{from: "sip", imports: "ringdown/media", want: "never exchange or another adapter"},
		{from: "sip", imports: "ringdown/callstate/exchange", want: "never exchange or another adapter"},
		{from: "sip", imports: "github.com/emiago/sipgo/sip"},
		{from: "sip/internal/tx", imports: "github.com/emiago/sipgo/sip"},
		{from: "sip/internal/tx", imports: "github.com/emiago/sipgo", want: "transaction layer"},
		{from: "sip", imports: "ringdown/bench/phone", test: true},
		{from: "sip", imports: "ringdown/bench/phone", want: "never exchange or another adapter"},
		{from: "media/internal/sdp", imports: "ringdown/media/internal/port"},
		{from: "media", imports: "github.com/emiago/sipgo/sip", want: "only sip imports sipgo"},
		{from: "media", imports: "github.com/emiago/sipgo/sip", test: true, want: "only sip imports sipgo"},
		{from: "control/ozeki", imports: "ringdown/sip", want: "never exchange or another adapter"},
		{from: "control/ozeki", imports: "ringdown/cmd/ringdown", want: "nothing imports cmd"},
		{from: "bench/phone", imports: "ringdown/callstate", want: "shares no code"},
		{from: "bench/phone", imports: "ringdown/bench/memnet", want: "shares no code"},
		{from: "bench/phone", imports: "ringdown/bench/memnet", test: true},
		{from: "bench/load", imports: "ringdown/bench/phone"},
		{from: "bench/load", imports: "ringdown/sip", want: "from outside"},
		{from: "cmd/ringdown", imports: "ringdown/callstate/exchange"},
		{from: "cmd/ringdown", imports: "ringdown/bench/phone"},
		{from: "cmd/ringdown", imports: "github.com/emiago/sipgo/sip", want: "only sip imports sipgo"},
		{from: "api", imports: "time", want: "no place in the tree"},
		{from: "sip/util", imports: "time", want: "says nothing"},
		{from: "sipstack", imports: "time", want: "no place in the tree"},
	} {
		p := listed{ImportPath: module + "/" + c.from}
		if c.test {
			p.XTestImports = []string{c.imports}
		} else {
			p.Imports = []string{c.imports}
		}
		expectReason(t, c.from+" imports "+c.imports, checkImports([]listed{p}), c.want)
	}
}

func TestSourceRules(t *testing.T) {
	for _, c := range []struct{ dir, imports, body, want string }{
		{"callstate", `"time"`, "_ = time.Second", ""},
		{"callstate", `"time"`, "_ = time.Now()", "reads no clock"},
		{"callstate", `clock "time"`, "clock.AfterFunc(0, nil)", "reads no clock"},
		{"callstate", `"context"`, "_ = context.Background()", ""},
		{"callstate", `"context"`, "_ = context.TODO()", "only Background, Context"},
		{"callstate", `"sync"`, "var _ sync.Pool", ""},
		{"callstate", `"sync"`, "var _ sync.Mutex", "only Pool"},
		{"callstate", ``, "go f()", "no goroutine"},
		{"callstate/exchange", `"time"`, "go f(); _ = time.Now()", ""},
		{"sip", `"github.com/emiago/sipgo/sip"`, "var _ sip.Request", ""},
		{"sip", `"github.com/emiago/sipgo/sip"`, "var _ *sip.TransportLayer", ""},
		{"sip/internal/tx", `"github.com/emiago/sipgo/sip"`, "var _ *sip.ServerTx", "transactions and dialogs are ours"},
		{"sip/internal/tx", `s "github.com/emiago/sipgo/sip"`, "s.NewTransactionLayer(nil)", "transactions and dialogs are ours"},
		{"sip", `"github.com/emiago/sipgo/sip"`, "var _ sip.ClientTransaction", "transactions and dialogs are ours"},
		{"sip", `"github.com/emiago/sipgo/sip"`, "var _ sip.DialogState", "transactions and dialogs are ours"},
	} {
		imports := ""
		if c.imports != "" {
			imports = "import " + c.imports + "\n"
		}
		source := "package p\n" + imports + "func f() { " + c.body + " }\n"
		expectReason(t, c.dir+": "+c.body, checkSource(c.dir, "p.go", source), c.want)
	}
}

// expectReason wants exactly one reason that contains want, or none at all when want is empty.
func expectReason(t *testing.T, name string, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("%s: expected to be allowed, got %q", name, got)
	case want != "" && (len(got) != 1 || !strings.Contains(got[0], want)):
		t.Errorf("%s: expected one reason with %q, got %q", name, want, got)
	}
}
