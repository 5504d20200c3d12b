package main

import (
	"bytes"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// processView is a row of the page.
type processView struct {
	process
	PID  int
	News *news // nil: it didn't answer
}

// Primary is the kid of the key that the process seals under.
func (v processView) Primary() string {
	for _, k := range v.News.Keys {
		if k.Phase == fleet.PhasePrimary {
			return k.ID
		}
	}
	return ""
}

// keyUse says who sealed and opened what under a key: a cell for each process.
type keyUse struct {
	fleet.KeyStatus
	Cells []useCell
}

type useCell struct{ Sealed, Opened uint64 }

// uses makes the table of keys from the newest ring that anybody has.
func uses(views []processView) (rows []keyUse) {
	newest := new(news)
	for _, v := range views {
		if v.News != nil && v.News.Sequence >= newest.Sequence {
			newest = v.News
		}
	}
	for _, k := range newest.Keys {
		row := keyUse{KeyStatus: k}
		for _, v := range views {
			var c useCell
			if v.News != nil {
				c = useCell{v.News.Sealed[k.ID], v.News.Opened[k.ID]}
			}
			row.Cells = append(row.Cells, c)
		}
		rows = append(rows, row)
	}
	return rows
}

// fleetView is the page.
type fleetView struct {
	Processes []processView
	Keys      []keyUse
	Events    []event
	Every     string // "" if keys don't rotate by themselves
	Ahead     string
	Beat      string
	Now       time.Time
}

func (s *supervisor) show(w http.ResponseWriter, r *http.Request) {
	v := fleetView{Processes: s.ask(r.Context()), Ahead: span(ahead), Beat: strconv.FormatInt(beat.Milliseconds(), 10) + " ms", Now: time.Now().UTC()}
	if s.every > 0 {
		v.Every = strings.TrimSuffix(strings.TrimSuffix(span(s.every), " 0 s"), " 0 min")
	}
	v.Keys = uses(v.Processes)
	s.mu.Lock()
	v.Events = append(v.Events, s.events...)
	s.mu.Unlock()
	var b bytes.Buffer
	if err := s.pages["fleet"].ExecuteTemplate(&b, "fleet", page{Name: "fleet", Data: v}); err != nil {
		s.log.Error("template", "page", "fleet", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(b.Bytes())
}

// Handler returns the supervisor's page, and the provider that all processes send people
// to.
func (s *supervisor) Handler(provider http.Handler) http.Handler {
	assets, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.show)
	mux.HandleFunc("POST /kill", func(w http.ResponseWriter, r *http.Request) {
		if err := s.kill(r.FormValue("number")); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(assets))))
	root := http.NewServeMux()
	root.Handle(harbourPath+"/", provider)
	root.Handle("/", http.NewCrossOriginProtection().Handler(mux))
	return secured(limitBody(root))
}
