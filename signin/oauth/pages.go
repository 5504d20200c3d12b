package oauth

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/hardtack-go/hardtack/auth/next"
	"github.com/hardtack-go/hardtack/signin"
	"github.com/hardtack-go/hardtack/signin/internal/route"
)

// A page says what happened and has one link.
type page struct {
	name           string
	status         int
	title, problem string
	link, text     string
}

var body = template.Must(template.New("body").Parse(`<p><a href="{{.Link}}">{{.Text}}</a></p>`))

func (h *Handler[U]) show(w http.ResponseWriter, r *http.Request, p page) {
	var b bytes.Buffer
	// A template of constants and strings can't fail on a buffer.
	_ = body.Execute(&b, struct{ Link, Text string }{next.Location(p.link), p.text})
	h.desk.Show(w, r, signin.Page{Name: p.name, Status: p.status, Title: p.title, Problem: p.problem, Body: template.HTML(b.String())})
}

// away is where somebody goes who gave up.
func (h *Handler[U]) away(f flow) string {
	if f.User != "" {
		return f.Next
	}
	return h.desk.Config().LoginURL
}

// loggedIn reports whether somebody is. They go on to where they were going: usually this
// is the second of two requests of one flow, as after a double click, and the first one
// worked.
func (h *Handler[U]) loggedIn(r *http.Request) bool {
	_, err := h.desk.Config().Guard.User(r)
	return err == nil
}

// spent answers a callback whose state is over, isn't this browser's, or isn't one.
func (h *Handler[U]) spent(w http.ResponseWriter, r *http.Request) {
	if h.loggedIn(r) {
		route.Onward(w, h.desk.Config().Home)
		return
	}
	h.show(w, r, page{name: "oauth/spent", status: http.StatusBadRequest, title: "This login is over", problem: "It took too long, or it began in another browser. Start again.", link: h.desk.Config().LoginURL, text: "Log in"})
}

// denied answers somebody who cancelled at the provider, or whom it doesn't let in.
func (h *Handler[U]) denied(w http.ResponseWriter, r *http.Request, p *party, f flow) {
	title := "Nothing was connected"
	if f.User == "" {
		if h.loggedIn(r) {
			route.Onward(w, f.Next)
			return
		}
		title = "You were not logged in"
	}
	h.show(w, r, page{name: "oauth/denied", status: http.StatusForbidden, title: title, problem: p.Title + " says that you cancelled, or that you may not use it here.", link: h.away(f), text: "Go back"})
}

// refused answers a callback that the provider, or a check of what it sent, spoiled.
func (h *Handler[U]) refused(w http.ResponseWriter, r *http.Request, p *party, f flow, err error) {
	h.failed(r, p, err)
	if f.User == "" && h.loggedIn(r) {
		route.Onward(w, f.Next)
		return
	}
	h.show(w, r, page{name: "oauth/refused", status: http.StatusBadGateway, title: "That didn’t work", problem: p.Title + " did not confirm who you are. Start again.", link: h.away(f), text: "Go back"})
}

// down answers when the provider's configuration can't be had.
func (h *Handler[U]) down(w http.ResponseWriter, r *http.Request, p *party, f flow, err error) {
	h.failed(r, p, err)
	problem, text := "Try again in a minute, or log in another way.", "Log in another way"
	if f.User != "" {
		problem, text = "Nothing was connected. Try again in a minute.", "Go back"
	}
	h.show(w, r, page{name: "oauth/down", status: http.StatusServiceUnavailable, title: p.Title + " can’t be reached", problem: problem, link: h.away(f), text: text})
}

// garbled answers a form that doesn't parse.
func (h *Handler[U]) garbled(w http.ResponseWriter, r *http.Request, back string) {
	h.show(w, r, page{name: "oauth/form", status: http.StatusBadRequest, title: "That didn’t work", problem: "The form didn’t arrive as it was sent. Go back and send it again.", link: back, text: "Go back"})
}

// changed answers when the user's row changed at the same time.
func (h *Handler[U]) changed(w http.ResponseWriter, r *http.Request, back string) {
	h.show(w, r, page{name: "oauth/changed", status: http.StatusConflict, title: "Try again", problem: "Your account has changed in the meantime, so nothing was done. Go back and do it once more.", link: back, text: "Go back"})
}

// forward answers with a page that leads to another one by itself. A redirect would
// not do: browsers apply form-action of the page with the form to every hop after it
// (w3c/webappsec-csp#8), and a provider may hop on to anywhere. Nothing of the
// application is on the page, and the provider isn't told where people come from.
func (h *Handler[U]) forward(w http.ResponseWriter, to, text string) {
	var b bytes.Buffer
	_ = leading.Execute(&b, struct{ To, Text string }{to, text})
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusOK)
	w.Write(b.Bytes())
}

var leading = template.Must(template.New("forward").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta http-equiv="refresh" content="0;url={{.To}}"><title>{{.Text}}</title></head>
<body><main><h1><a href="{{.To}}">{{.Text}}</a></h1></main></body></html>
`))
