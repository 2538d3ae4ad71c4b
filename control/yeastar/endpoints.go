package yeastar

import "net/http"

// endpoint is one row of the API.
type endpoint struct {
	method string
	open   bool     // needs no access token
	params []string // what it reads; each is a text or a whole number
	serve  func(a *API, t *turn) *answer
}

// pages are the parameters of lists.
var pages = []string{"page", "page_size", "sort_by", "order_by"}

// endpoints is the whole API but subscribe, by the path below /openapi/v1.0/.
var endpoints = map[string]endpoint{
	"get_token":     {http.MethodPost, true, []string{"username", "password"}, (*API).getToken},
	"refresh_token": {http.MethodPost, true, []string{"refresh_token"}, (*API).refreshToken},
	"del_token":     {http.MethodGet, false, nil, (*API).delToken},
	"call/query":    {http.MethodGet, false, []string{"call_id", "extension", "number", "from", "type"}, (*API).query},
	"call/transfer": {http.MethodPost, false,
		[]string{"type", "channel_id", "number", "dial_permission", "attended_operate"}, (*API).transfer},
	"call/hangup":  {http.MethodPost, false, []string{"channel_id", "paging_number"}, (*API).hangup},
	"trunk/list":   {http.MethodGet, false, pages, (*API).listTrunks},
	"trunk/search": {http.MethodGet, false, append([]string{"search_value"}, pages...), (*API).listTrunks},
	"trunk/query":  {http.MethodGet, false, []string{"ids", "id"}, (*API).queryTrunks},
	"call/hold":    {http.MethodPost, false, []string{"channel_id"}, (*API).hold},
	"call/unhold":  {http.MethodPost, false, []string{"channel_id"}, (*API).unhold},
}
