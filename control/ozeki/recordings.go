package ozeki

import (
	"cmp"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const downloadTime = 10 * time.Minute

// serveRecording gives a recording to a user of the API, or a part of it (RFC 9110 §14). What it is called is only known
// to whom RecordCompleted was sent; no list is given of them. Nothing else of the media folder can be had.
func (a *API) serveRecording(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	p, err := readParams(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	user, secret := p.values["username"], p.password
	if name, word, ok := r.BasicAuth(); ok {
		user, secret = cmp.Or(user, name), cmp.Or(secret, word)
	}
	user, ok := a.accounts.Find(user, secret)
	if !ok {
		h.Set("WWW-Authenticate", `Basic realm="ringdown", charset="UTF-8"`)
		http.Error(w, "Give the Username and Password of a user of the API.", http.StatusUnauthorized)
		a.log.Info("ozeki recording", "code", http.StatusUnauthorized, "remote", r.RemoteAddr)
		return
	}
	code := a.serveFile(w, r, strings.TrimPrefix(r.URL.Path, "/"))
	a.log.Info("ozeki recording", "code", code, "user", user, "remote", r.RemoteAddr)
}

// serveFile answers with a file of the recordings.
func (a *API) serveFile(w http.ResponseWriter, r *http.Request, name string) int {
	missing := func() int {
		http.Error(w, "There is no such recording.", http.StatusNotFound)
		return http.StatusNotFound
	}
	if a.files == nil || !fs.ValidPath(name) || !strings.HasPrefix(name, recordFolder+"/") || path.Ext(name) != ".wav" ||
		!plainPath(name) {
		return missing()
	}
	f, err := a.files.Open(name)
	if err != nil {
		return missing()
	}
	defer f.Close()
	info, err := f.Stat()
	content, seeks := f.(io.ReadSeeker)
	if err != nil || !info.Mode().IsRegular() || !seeks {
		return missing()
	}
	w.Header().Set("Content-Type", "audio/wav")
	// A long one may take longer than a server allows for answers of the API; where it sets no limit there is none to move.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloadTime))
	http.ServeContent(w, r, "", info.ModTime(), content)
	return http.StatusOK
}

// plainPath tells whether a path is made of letters, digits and a few signs, each part beginning with a letter or digit.
func plainPath(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		for i := range len(part) {
			c := part[i]
			if !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && strings.IndexByte("-_.", c) >= 0) {
				return false
			}
		}
		if part == "" {
			return false
		}
	}
	return true
}
