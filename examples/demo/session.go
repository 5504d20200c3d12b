package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/ssestore"
)

// cookieLimit is how long name and value of a cookie may be, in bytes, for browsers
// to keep it (RFC 6265bis section 5.6).
const cookieLimit = 4096

// sessionJSON is GET /session for programs. It has neither the session's id nor the
// stamp: Info leaves them out, and nobody needs them.
type sessionJSON struct {
	New          bool      `json:"new"` // no valid session came with the request
	KeyID        string    `json:"kid,omitempty"`
	Primary      bool      `json:"primary"`
	Persistent   bool      `json:"persistent"`
	IdleLeft     int64     `json:"idle_left"`     // seconds
	AbsoluteLeft int64     `json:"absolute_left"` // seconds
	Bytes        int       `json:"bytes"`         // of name and value
	Limit        int       `json:"limit"`
	LogID        string    `json:"log_id,omitempty"` // the session's name in logs
	Claims       *claimSet `json:"claims,omitempty"`
}

// claimSet is the contents of the cookie without sid and stp.
type claimSet struct {
	Iat      int64           `json:"iat"`
	AuthTime int64           `json:"auth_time,omitempty"`
	Exp      int64           `json:"exp"`
	Rnw      int64           `json:"rnw"`
	Per      bool            `json:"per,omitempty"`
	End      int64           `json:"end,omitempty"`
	Sub      string          `json:"sub,omitempty"`
	STK      string          `json:"stk,omitempty"`
	D        json.RawMessage `json:"d,omitempty"`
}

// session shows visitors what their cookie holds.
func (a *app) session(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	session := a.guard.Session(r)
	info, now := session.Info(), session.Now()
	j := sessionJSON{New: info.New, Limit: cookieLimit}
	if !info.New && info.Claims != nil {
		j.KeyID, j.Primary, j.Persistent, j.LogID = info.KeyID, info.Primary, info.Persistent, info.LogID
		j.IdleLeft, j.AbsoluteLeft = seconds(info.IdleEnds.Sub(now)), seconds(info.Expires.Sub(now))
		j.Bytes, j.Claims = info.Bytes, new(claimSet)
		if err := json.Unmarshal(info.Claims, j.Claims); err != nil {
			a.log.Error("claims", "error", err)
			a.errorPage(w, r, http.StatusInternalServerError)
			return
		}
	}
	w.Header().Add("Vary", "Accept") // one address, two forms
	if wantsJSON(r) {
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.Encode(j)
		return
	}
	view := sessionView{sessionJSON: j, Allowed: info.Limit, CookieName: a.cookieName}
	if j.Claims != nil {
		view.Segments, view.Header = segments(r, a.cookieName)
		view.Parts = parts(j, a.cookieName, view.Segments)
		view.Clocks = clocks(info, now)
		view.Rows = rows(j.Claims)
	}
	a.render(w, r, http.StatusOK, "session", page{User: u, Data: view})
}

func seconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }

// sessionView is GET /session for people.
type sessionView struct {
	sessionJSON
	CookieName string
	Allowed    int // what this store allows itself
	Segments   []segment
	Header     string
	Parts      []part
	Clocks     []clock
	Rows       []claimRow
}

// segment is one of the five parts of a token (RFC 7516 section 3.1). Class is its
// colour.
type segment struct{ Label, Class, Meaning, Text string }

// segments returns the cookie of a request as it was sent, and its header decoded.
// The session was opened from it, so it has five parts.
func segments(r *http.Request, name string) (all []segment, header string) {
	for _, c := range r.CookiesNamed(name) {
		text := strings.Split(c.Value, ".")
		if len(text) != 5 {
			continue
		}
		all = nil
		for i, s := range []segment{
			{Label: "header", Class: "raw-header", Meaning: "The cipher, and the id of the key. All that anybody can read."},
			{Label: "encrypted key", Class: "raw-key", Meaning: "Always empty: the key stays on the server."},
			{Label: "nonce", Class: "raw-nonce", Meaning: "Makes each sealing differ from every other."},
			{Label: "contents", Class: "raw-data", Meaning: "Your login and your cart, encrypted."},
			{Label: "tag", Class: "raw-tag", Meaning: "If a single bit changes, it doesn’t fit, and the cookie is refused."},
		} {
			s.Text = text[i]
			all = append(all, s)
		}
		raw, _ := base64.RawURLEncoding.DecodeString(text[0])
		header = string(raw)
	}
	return all, header
}

// part is a stretch of the bar of bytes. Class is its colour.
type part struct {
	Label, Class string
	From, Size   int
}

// parts says what the bytes of the cookie are for.
func parts(j sessionJSON, name string, token []segment) []part {
	frame := len(name) + len("....")
	for _, s := range token {
		if s.Class != "raw-data" {
			frame += len(s.Text)
		}
	}
	data := (len(j.Claims.D)*4 + 2) / 3 // base64 makes four characters of three bytes
	claims := max(0, j.Bytes-frame-data)
	return []part{
		{"name and seal", "seg-frame", 0, frame},
		{"claims", "seg-claims", frame, claims},
		{"your data", "seg-data", frame + claims, data},
	}
}

// clock is one of the two ends of a session.
type clock struct {
	ID, Label, Left, Note string
	PerMille              int64
}

func clocks(info ssestore.Info, now time.Time) []clock {
	note := func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") }
	share := func(from, to time.Time) int64 {
		return max(0, min(1000, 1000*int64(to.Sub(now))/max(1, int64(to.Sub(from)))))
	}
	return []clock{
		{"idle", "If you do nothing", span(info.IdleEnds.Sub(now)), "Ends at " + note(info.IdleEnds) + ". Using the site moves it.", share(info.Renewed, info.IdleEnds)},
		{"absolute", "In any case", span(info.Expires.Sub(now)), "Ends at " + note(info.Expires) + ", whatever you do.", share(info.Created, info.Expires)},
	}
}

// claimRow is one claim, for people.
type claimRow struct{ Name, Meaning, Value, Note string }

func rows(c *claimSet) []claimRow {
	var all []claimRow
	add := func(name, meaning, value, note string) { all = append(all, claimRow{name, meaning, value, note}) }
	at := func(name, meaning string, unix int64) {
		if unix != 0 {
			add(name, meaning, fmt.Sprint(unix), time.Unix(unix, 0).UTC().Format("2 Jan 2006, 15:04:05 UTC"))
		}
	}
	add("sid", "session id", "•••", "128 random bits, not shown")
	at("iat", "began", c.Iat)
	at("auth_time", "logged in", c.AuthTime)
	at("exp", "ends at the latest", c.Exp)
	at("rnw", "last renewed", c.Rnw)
	if c.Per {
		add("per", "remembered", "true", "")
	}
	at("end", "ends early", c.End)
	if c.Sub != "" {
		add("sub", "user id", c.Sub, "")
		add("stk", "key of the stamp", c.STK, "")
		add("stp", "stamp", "•••", "a keyed hash of your user’s stamped field, not shown")
	}
	if len(c.D) > 0 {
		value := string(c.D)
		if pretty, err := json.MarshalIndent(c.D, "", "  "); err == nil {
			value = string(pretty)
		}
		add("d", "data, by key", value, "")
	}
	return all
}
