package yeastar

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"ringdown/control/channels"
)

// Trunk is what is known of an outside line at a moment.
type Trunk struct {
	Name      string
	Status    TrunkStatus
	Refused   bool   // what is wrong is that it does not accept our credentials
	Monitored bool   // it is asked from time to time whether it is there, by REGISTER or OPTIONS
	Register  bool   // it is registered at, not a peer
	Host      string // where calls are sent by the config, HOST or HOST:PORT
	Address   string // where they are sent now, IP:PORT; empty when that is not known
	CallerID  string // the number that it shows as the caller; empty: that of whoever calls
	Username  string // of its registration and challenges, may be empty
}

// TrunkStatus says whether a trunk can be called by now.
type TrunkStatus string

const (
	TrunkUp           TrunkStatus = "up"
	TrunkUnresolved   TrunkStatus = "unresolved"   // no address of it is known
	TrunkRegistering  TrunkStatus = "registering"  // the first REGISTER is not answered yet
	TrunkUnregistered TrunkStatus = "unregistered" // it refuses our REGISTER, or does not answer it
	TrunkDown         TrunkStatus = "down"         // it does not answer
	TrunkPaused       TrunkStatus = "paused"       // it asked to be left out for a while
)

// The vendor's numbers of these (spec yeastar-p 6.6).
const (
	numberUnknown     = 0
	numberIdle        = 1
	numberUnmonitored = 3
	numberRegistering = 4
	numberFailed      = 41
	numberUnreachable = 42
	numberRefused     = 45
)

// number is the status as the API shows it.
func (t *Trunk) number() int {
	switch t.Status {
	case TrunkUp:
		if !t.Monitored {
			return numberUnmonitored
		}
		return numberIdle
	case TrunkRegistering:
		return numberRegistering
	case TrunkUnregistered:
		if t.Refused {
			return numberRefused
		}
		return numberFailed
	case TrunkUnresolved, TrunkDown, TrunkPaused:
		return numberUnreachable
	}
	return numberUnknown
}

// trunkEvent is the msg of event 30010.
type trunkEvent struct {
	Name    string `json:"trunk_name"`
	Kind    string `json:"kind"`
	Status  int    `json:"status"`
	Address string `json:"registered_ip"`
}

// trunkTeller remembers what was told of each trunk. Safe for concurrent use.
type trunkTeller struct {
	mu   sync.Mutex
	told map[string]trunkEvent
}

// TrunkChanged tells of what a trunk is now (event 30010), unless that looks as it did. It never blocks; the order of
// calls for one trunk is the order of its events.
func (a *API) TrunkChanged(t Trunk) {
	e := trunkEvent{channels.Plain(t.Name), "PJSIP", t.number(), t.Address}
	a.trunks.mu.Lock()
	defer a.trunks.mu.Unlock()
	if a.trunks.told[e.Name] == e {
		return
	}
	a.trunks.told[e.Name] = e
	a.hub.publish(topicTrunk, "trunk "+e.Name, func(b []byte) []byte { return append(b, marshal(e)...) })
}

// trunkInfo is a trunk in the answers (spec yeastar-p 7).
type trunkInfo struct {
	ID       int    `json:"id"`
	Status   int    `json:"status"`
	Name     string `json:"name"`
	Type     string `json:"type"`
	Host     string `json:"host_port"`
	CallerID string `json:"def_outbound_cid"`
	Username string `json:"username"`
}

// trunkColumns are what trunks can be sorted by.
var trunkColumns = map[string]func(x, y trunkInfo) int{
	"id":               func(x, y trunkInfo) int { return cmp.Compare(x.ID, y.ID) },
	"name":             func(x, y trunkInfo) int { return cmp.Compare(x.Name, y.Name) },
	"type":             func(x, y trunkInfo) int { return cmp.Compare(x.Type, y.Type) },
	"host_port":        func(x, y trunkInfo) int { return cmp.Compare(x.Host, y.Host) },
	"def_outbound_cid": func(x, y trunkInfo) int { return cmp.Compare(x.CallerID, y.CallerID) },
	"username":         func(x, y trunkInfo) int { return cmp.Compare(x.Username, y.Username) },
}

// trunkInfos lists all trunks. The id of one is its place in the config.
func (a *API) trunkInfos() []trunkInfo {
	if a.Trunks == nil {
		return []trunkInfo{}
	}
	all := a.Trunks()
	list := make([]trunkInfo, len(all))
	for i, t := range all {
		list[i] = trunkInfo{i + 1, t.number(), channels.Plain(t.Name), "peer", t.Host, t.CallerID, channels.Plain(t.Username)}
		if t.Register {
			list[i].Type = "register"
		}
	}
	return list
}

// listTrunks is GET trunk/list and, with search_value, GET trunk/search.
func (a *API) listTrunks(t *turn) *answer {
	list := a.trunkInfos()
	if want := strings.ToLower(t.params.text("search_value")); want != "" {
		list = slices.DeleteFunc(list, func(i trunkInfo) bool {
			return !slices.ContainsFunc([]string{i.Name, i.Host, i.CallerID, i.Username}, func(text string) bool {
				return strings.Contains(strings.ToLower(text), want)
			})
		})
	}
	order, known := trunkColumns[cmp.Or(t.params.text("sort_by"), "id")]
	if !known {
		return answerOf(codeParameter, "sort_by is not known")
	}
	slices.SortStableFunc(list, order)
	switch t.params.text("order_by") {
	case "", "asc":
	case "desc":
		slices.Reverse(list)
	default:
		return answerOf(codeParameter, "order_by is neither asc nor desc")
	}
	total := len(list)
	list, ok := page(t.params, list)
	if !ok {
		return answerOf(codeParameter, "page or page_size is no positive number")
	}
	got := success()
	got.Total, got.Data = &total, list
	return got
}

// maxPage bounds page and page_size.
const maxPage = 1 << 20

// page cuts out the page that is asked for; without page_size there is one page.
func page[T any](p *params, list []T) ([]T, bool) {
	read := func(name string, otherwise int) int {
		text := p.text(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n > maxPage {
			return 0
		}
		return n
	}
	number, size := read("page", 1), read("page_size", maxPage)
	if number < 1 || size < 1 {
		return nil, false
	}
	from := min((number-1)*size, len(list))
	return list[from:min(from+size, len(list))], true
}

// queryTrunks is GET trunk/query: those whose ids are listed.
func (a *API) queryTrunks(t *turn) *answer {
	text := cmp.Or(t.params.text("ids"), t.params.text("id"))
	if text == "" {
		return answerOf(codeParameter, "ids is missing")
	}
	all := a.trunkInfos()
	var list []trunkInfo
	for item := range strings.SplitSeq(text, ",") {
		id, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil {
			return answerOf(codeParameter, "ids is no list of whole numbers")
		}
		named := func(i trunkInfo) bool { return i.ID == id }
		if i := slices.IndexFunc(all, named); i >= 0 && !slices.ContainsFunc(list, named) {
			list = append(list, all[i])
		}
	}
	if list == nil {
		return answerOf(codeNoData, "no trunk has such an id")
	}
	got := success()
	got.Data = list
	return got
}
