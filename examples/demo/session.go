package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

// cookieLimit is what browsers keep of a cookie: name and value in bytes
// (RFC 6265bis section 5.6).
const cookieLimit = 4096

// sessionJSON is GET /session for programs. There is no session id and no stamp
// in it: Info leaves them out, and nobody needs them.
type sessionJSON struct {
	New          bool      `json:"new"` // no valid session came with the request
	KeyID        string    `json:"kid,omitempty"`
	Primary      bool      `json:"primary"`
	Persistent   bool      `json:"persistent"`
	IdleLeft     int64     `json:"idle_left"`     // seconds
	AbsoluteLeft int64     `json:"absolute_left"` // seconds
	Bytes        int       `json:"bytes"`         // of name and value
	Limit        int       `json:"limit"`
	LogID        string    `json:"log_id,omitempty"` // what a log calls this session
	Claims       *claimSet `json:"claims,omitempty"`
}

// claimSet is what the cookie says, without sid and stp.
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

// session shows a visitor what the cookie holds.
func (a *app) session(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	session := middleware.Session(r)
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
	view := sessionView{sessionJSON: j, Allowed: info.Limit}
	if j.Claims != nil {
		view.Parts = a.parts(j)
		view.Clocks = clocks(info, now)
		view.Rows = rows(j.Claims)
	}
	a.render(w, r, http.StatusOK, "session", page{User: u, Data: view})
}

func seconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }

// sessionView is GET /session for people.
type sessionView struct {
	sessionJSON
	Allowed int // what this store allows itself
	Parts   []part
	Clocks  []clock
	Rows    []claimRow
}

// part is a stretch of the bar of bytes. Class is its colour.
type part struct {
	Label, Class string
	From, Size   int
}

// parts tells what the bytes of the cookie are for.
func (a *app) parts(j sessionJSON) []part {
	// 102 characters of every token are header, nonce and tag. What they enclose
	// grows by a third on its way through base64.
	frame := len(a.cookieName) + 102
	data := (len(j.Claims.D)*4 + 2) / 3
	claims := j.Bytes - frame - data
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
		{"idle", "If you do nothing", span(info.IdleEnds.Sub(now)), "Ends at " + note(info.IdleEnds) + ". Use pushes it back.", share(info.Renewed, info.IdleEnds)},
		{"absolute", "In any case", span(info.Expires.Sub(now)), "Ends at " + note(info.Expires) + ", whatever you do.", share(info.Created, info.Expires)},
	}
}

// claimRow is one claim for people.
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
		add("stp", "stamp of the password", "•••", "a keyed hash, not shown")
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
