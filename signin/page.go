package signin

import (
	"bytes"
	"html/template"
	"net/http"
)

// Show writes a page by the hook of [Config], or a plain one. It is not to be stored,
// and its address is not passed on.
func (d *Desk[U]) Show(w http.ResponseWriter, r *http.Request, p Page) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	if d.cfg.Page != nil {
		d.cfg.Page(w, r, p)
		return
	}
	var b bytes.Buffer
	if err := plain.Execute(&b, p); err != nil {
		http.Error(w, p.Problem, p.Status)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(p.Status)
	w.Write(b.Bytes())
}

var plain = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{{.Title}}</title></head>
<body><main><h1>{{.Title}}</h1>
{{with .Problem}}<p role="alert">{{.}}</p>
{{end}}{{.Body}}</main></body></html>
`))
