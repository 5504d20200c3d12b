package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/middleware"
	"github.com/hardtack-go/hardtack/ssestore"
)

//go:embed templates
var templates embed.FS

// page is what every template sees.
type page struct {
	Name    string  // of the template
	Way     string  // the name of a page of module signin, "" for the others
	Path    string  // for the current tab
	User    *User   // nil: nobody is logged in
	Bare    bool    // don't say who is logged in: this page may not know
	Member  *member // nil: this process is alone
	Script  bool    // the page has a form for passkeys
	Cookie  bool    // a session came with the request
	Notice  string  // good news, shown once
	Why     string  // why the visitor isn't logged in any more
	Problem string  // what to correct in the form below
	Field   string  // the input to start with; Problem is about it
	Data    any
}

// pages are the templates by name. Each has the layout in it.
type pages map[string]*template.Template

func parsePages(docs docs) (pages, error) {
	layout, err := template.New("").Funcs(template.FuncMap{
		"tab":       newTab,
		"tryOut":    newTryOut,
		"mark":      mark,
		"docs":      docs.list,
		"doc":       docs.path,
		"initial":   initial,
		"rfc3339":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"thousands": thousands,
		"day":       day,
		"linked":    linked,
	}).ParseFS(templates, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, name := range []string{"home", "login", "signin", "account", "sessions", "old", "fleet", "mailbox", "members", "staff", "session", "doc", "error"} {
		t, err := layout.Clone()
		if err == nil {
			t, err = t.ParseFS(templates, "templates/"+name+".html")
		}
		if err != nil {
			return nil, err
		}
		all[name] = t
	}
	return all, nil
}

// tab is one entry of the navigation; Icon is the path of a 24 × 24 drawing.
type tab struct {
	Href, Label, Icon string
	Here              bool
}

func newTab(p page, href, label, icon string) tab {
	return tab{href, label, icon, p.Path == href}
}

// tryOut is a button that logs in one of the first users.
type tryOut struct{ Name, Email, Password, Next, Class string }

func newTryOut(name, next, class string) tryOut {
	return tryOut{strings.ToUpper(name[:1]) + name[1:], name + "@example.com", seedPassword, next, class}
}

// mark returns attributes for an input: whether the cursor starts in it, what's
// wrong with it if something is, and the id of the hint below it.
func mark(p page, name string, hint ...string) template.HTMLAttr {
	attrs := ""
	if p.Field == name {
		attrs = " autofocus"
		if p.Problem != "" {
			attrs += ` aria-invalid="true"`
			hint = append([]string{"problem"}, hint...)
		}
	}
	if len(hint) > 0 {
		attrs += ` aria-describedby="` + strings.Join(hint, " ") + `"`
	}
	return template.HTMLAttr(attrs) // every part is a constant of the templates
}

func initial(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	return string(r)
}

// thousands writes 4096 as 4,096.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// render writes a page. The template runs first, because one that fails half way
// must not leave half a page with status 200.
func (a *app) render(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	p.Name, p.Path, p.Member = name, r.URL.Path, a.member
	if !p.Bare {
		session := a.guard.Session(r)
		p.Cookie = !session.Info().New
		if shown(r) {
			p.Notice, _ = flash.Pop(session)
		}
		if p.User == nil && name != "signin" { // which says something about this request
			p.Why = whys[middleware.Reason(r)]
		}
	}
	var b bytes.Buffer
	if err := a.pages[name].ExecuteTemplate(&b, "layout", p); err != nil {
		a.log.Error("template", "page", name, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// whys says to people why they have to log in again. The guard notes it in the
// address of the login page, because it deletes the cookie that it knows it from.
var whys = map[cookie.Reason]string{
	cookie.ReasonExpired:       "Your session has expired. Please log in again.",
	cookie.ReasonEnded:         "You logged out. Please log in again.",
	cookie.ReasonRevoked:       "This session was ended, on another device of yours or by the staff. Please log in again.",
	cookie.ReasonStampMismatch: "Your password was changed, or your address, or you logged out everywhere. Please log in again.",
}

// errorPage answers with a page that doesn't say who is logged in, because it may
// be shown before that is known, or because it couldn't be found out.
func (a *app) errorPage(w http.ResponseWriter, r *http.Request, status int) {
	text := map[int]string{
		http.StatusBadRequest:            "The form didn’t arrive as it was sent. Go back and send it again.",
		http.StatusForbidden:             "This request came from another site, or this page isn’t for you.",
		http.StatusNotFound:              "There is nothing here, or nothing that you may see.",
		http.StatusMethodNotAllowed:      "This address doesn’t answer that kind of request.",
		http.StatusRequestEntityTooLarge: "That form is too large.",
		http.StatusServiceUnavailable:    "The demo can’t reach its database right now. Nothing is lost. If you were logged in, you still are.",
	}[status]
	if text == "" {
		text = "This is a fault of the demo, and its log says what went wrong. Go back and try once more."
	}
	a.errorText(w, r, status, text)
}

// titles are the headings of error pages where http.StatusText isn't for people.
var titles = map[int]string{
	http.StatusBadRequest:            "That didn’t work",
	http.StatusForbidden:             "Not allowed",
	http.StatusRequestEntityTooLarge: "Too large",
	http.StatusInternalServerError:   "Something went wrong",
	http.StatusServiceUnavailable:    "Try again in a minute",
}

func (a *app) errorText(w http.ResponseWriter, r *http.Request, status int, text string) {
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	title := titles[status]
	if title == "" {
		title = http.StatusText(status)
	}
	a.render(w, r, status, "error", page{Bare: true, Data: struct {
		Status      int
		Title, Text string
		Again       bool // whether loading the page once more may help
	}{status, title, text, status == http.StatusServiceUnavailable && r.Method == http.MethodGet}})
}

// flash is a message for the next page that a person sees.
var flash = ssestore.NewKey[string]("flash")

func (a *app) notice(r *http.Request, text string) {
	if err := flash.Set(a.guard.Session(r), text); err != nil {
		a.log.Warn("flash", "error", err) // a full session loses the message and nothing else
	}
}

// shown reports whether a person will see the answer to a request. Only then is a
// message popped: popping writes the cookie, and a script's fetch should neither
// take the message nor write a cookie that nobody asked for.
func shown(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return (dest == "" || dest == "document") && r.Header.Get("Sec-Purpose") == ""
}

// wantsJSON reports whether a client asks for JSON rather than a page.
func wantsJSON(r *http.Request) bool {
	if format := r.URL.Query().Get("format"); format != "" {
		return format == "json"
	}
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// span writes a duration the way people say it, with two units at most.
func span(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	days, h, m, s := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60, int(d/time.Second)%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, h)
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	}
	return fmt.Sprintf("%d s", s)
}
