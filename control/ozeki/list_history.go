package ozeki

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringdown/control/history"
)

const (
	defaultRows = 20
	maxRows     = 1000
	maxPage     = 1 << 30
)

// historyFilters are the parameters of ListCallHistory and GetCallHistory; all are filters, and an empty one is none
// (spec ozeki 8.15).
var historyFilters = []param{
	{name: "CallerId", optional: true, check: anything},
	{name: "CallId", optional: true, check: anything},
	{name: "Destination", optional: true, check: anything},
	{name: "Dialed", aliases: []string{"Dialled"}, optional: true, check: anything},
	{name: "Direction", optional: true, check: direction},
	{name: "From", optional: true, check: date},
	{name: "General", optional: true, check: anything},
	{name: "PageNumber", optional: true, check: within(0, maxPage)},
	{name: "RowsPerPage", optional: true, check: within(1, maxRows)},
	{name: "Source", optional: true, check: anything},
	{name: "State", optional: true, check: resultState},
	{name: "Type", optional: true, check: anything},
}

// direction accepts one of the four, in any case.
func direction(text string) (string, error) {
	all := []string{internal, external, inbound, outbound}
	i := slices.IndexFunc(all, func(d string) bool { return strings.EqualFold(d, text) })
	return choice(all).unless(text, i >= 0)
}

// resultState accepts any text. The vendor prints CallerHangUp as a filter, but CallerHungUp in answers (spec ozeki 11,
// row 7).
func resultState(text string) (string, error) {
	for alias, state := range map[string]string{"CallerHangUp": callerHungUp, "CalleeHangUp": calleeHungUp} {
		if strings.EqualFold(text, alias) {
			return state, nil
		}
	}
	return text, nil
}

// within accepts a whole number from low to high.
func within(low, high int) func(string) (string, error) {
	want := wanted(fmt.Sprintf("a whole number from %d to %d", low, high))
	return func(text string) (string, error) {
		n, err := strconv.ParseUint(text, 10, 31)
		return want.unless(strconv.FormatUint(n, 10), err == nil && low <= int(n) && int(n) <= high)
	}
}

// date accepts a moment as answers print it, in the switch's own time zone, a day, or a moment of RFC 3339; it returns it
// as in RFC 3339.
func date(text string) (string, error) {
	for _, layout := range []string{time.DateTime, time.DateOnly, "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t.Format(time.RFC3339Nano), nil
		}
	}
	return "", wanted("a date, or a date and a time")
}

// filter is what checked parameters ask for.
func filter(v values) history.Filter {
	f := history.Filter{
		CallID: v["CallId"], Direction: v["Direction"], Source: v["Source"], Destination: v["Destination"], State: v["State"],
		Dialed: v["Dialed"], CallerID: v["CallerId"], Type: v["Type"], General: v["General"], Rows: defaultRows,
	}
	f.From, _ = time.Parse(time.RFC3339Nano, v["From"]) // the rest was checked as well, and is zero where nothing was sent
	f.Page, _ = strconv.Atoi(v["PageNumber"])
	if rows, err := strconv.Atoi(v["RowsPerPage"]); err == nil {
		f.Rows = rows
	}
	return f
}

// listHistory answers ListCallHistory: the newest call first.
func (a *API) listHistory(ctx context.Context, o *order) *reply {
	return a.findCalls(ctx, filter(o.v), o.sent, "TotalRecords", "CallHistory")
}

// getHistory answers GetCallHistory, the command of the vendor's other product: the oldest call first, as in its sample
// (spec ozeki 11, row 6).
func (a *API) getHistory(ctx context.Context, o *order) *reply {
	f := filter(o.v)
	f.Oldest = true
	return a.findCalls(ctx, f, o.sent, "NumberOfCalls", "Calls")
}

func (a *API) findCalls(ctx context.Context, f history.Filter, sent, count, container string) *reply {
	if a.history == nil {
		r := inappropriate(sent)
		r.message += ": no history of calls is kept"
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	page, total, err := a.history.Find(ctx, f)
	if err != nil {
		r := inappropriate(sent)
		r.message += ": the history of calls cannot be read, try again"
		r.reason = err.Error()
		return r
	}
	b := appendField(nil, count, strconv.Itoa(total))
	b = append(b, " <"+container+">"...)
	for _, r := range page {
		b = appendRecord(b, r)
	}
	if len(page) > 0 {
		b = append(b, ' ')
	}
	return listed(append(b, "</"+container+">"...))
}

// appendRecord adds the nine fields in the vendor's order.
func appendRecord(b []byte, r history.Record) []byte {
	b = append(b, " <Call>"...)
	b = appendField(b, "StartTime", r.Start.In(time.Local).Format(time.DateTime))
	b = appendField(b, "Direction", r.Direction)
	b = appendField(b, "Source", r.Source)
	b = appendField(b, "Destination", r.Destination)
	b = appendField(b, "State", r.State)
	b = appendField(b, "Dialed", r.Dialed)
	b = appendField(b, "CallerId", r.CallerID)
	b = appendField(b, "Type", r.Type)
	b = appendField(b, "CallId", r.CallID)
	return append(b, " </Call>"...)
}
