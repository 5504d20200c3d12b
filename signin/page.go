package signin

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/hardtack-go/hardtack/ssestore"
)

// Show writes a page by the hook of [Config], or a plain one. The plain one links to
// [Config].Home if the page has no Body. No cache stores a page. Its address, which may
// hold a ticket, isn't passed on: a Referer has at most the origin. If the
// Referrer-Policy is no-referrer already, it stays; but then some browsers don't say that
// a form came from this site, and the guard refuses it.
func (d *Desk[U]) Show(w http.ResponseWriter, r *http.Request, p Page) {
	if !d.ready() {
		unmade(w, r)
		return
	}
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	h := w.Header()
	noStore(h)
	if h.Get("Referrer-Policy") != "no-referrer" {
		h.Set("Referrer-Policy", "strict-origin")
	}
	if d.cfg.Page != nil {
		d.cfg.Page(w, r, p)
		return
	}
	var b bytes.Buffer
	_ = plain.Execute(&b, struct { // into memory, and no Page makes it fail
		Page
		Home string
	}{p, d.cfg.Home})
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", plainPolicy)
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // nobody is left to be told
	}
}

// noStore keeps an answer out of every cache, as the guard keeps its own. Middleware further
// out may have set a field that a shared cache reads instead of Cache-Control (RFC 9213
// section 2.2).
func noStore(h http.Header) {
	ssestore.Outcome{Private: true}.Merge(h) // removes those
	h.Set("Cache-Control", "no-store")
}

// plainPolicy allows the one style sheet of the plain page, by its hash, and forms that
// post back here.
var plainPolicy = func() string {
	sum := sha256.Sum256([]byte(plainStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// plainStyle follows the reader's choice of light or dark. Text has a contrast of at
// least 7:1, the border of a field 3:1 (WCAG 2.2 sections 1.4.6 and 1.4.11), and what
// can be touched is at least 2.75 rem high.
const plainStyle = `:root{color-scheme:light dark;--p:#fff;--i:#1c2230;--a:#0b4a8f;--b:#fff;--e:#767c8a;--w:#8a1c1c;--s:#fdecea}
@media(prefers-color-scheme:dark){:root{--p:#12161d;--i:#e8eaef;--a:#9cc7f7;--b:#0d1420;--e:#8b93a3;--w:#ffb4ab;--s:#3a1714}}
*{box-sizing:border-box}
body{margin:0;background:var(--p);color:var(--i);font:1rem/1.55 system-ui,sans-serif}
main{max-width:26rem;margin:0 auto;padding:clamp(1.5rem,8vh,5rem) 1.25rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem}
a{color:var(--a)}
form{display:grid;gap:1rem;margin:1rem 0}
form p{margin:0}
label{display:grid;gap:.3rem;font-weight:600}
label:has([type=checkbox]){display:flex;gap:.6rem;align-items:center;font-weight:400;min-height:2.75rem}
input:not([type=checkbox],[type=hidden]){font:inherit;font-weight:400;color:inherit;background:var(--p);border:1px solid var(--e);border-radius:.4rem;padding:.6rem .75rem;min-height:2.75rem;width:100%}
[type=checkbox]{width:1.2rem;height:1.2rem;accent-color:var(--a)}
button{font:inherit;font-weight:600;color:var(--b);background:var(--a);border:1px solid transparent;border-radius:.4rem;padding:.6rem 1rem;min-height:2.75rem;cursor:pointer}
:focus-visible{outline:3px solid var(--a);outline-offset:2px}
[role=alert]{color:var(--w);background:var(--s);border-radius:.4rem;padding:.75rem 1rem;margin:0 0 1rem}`

// The style stands outside of the template, whose escaping could change a byte of what
// the policy has the hash of.
var plain = template.Must(template.New("page").Funcs(template.FuncMap{"style": func() template.HTML { return "<style>" + plainStyle + "</style>" }}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>{{style}}</head>
<body><main><h1>{{.Title}}</h1>
{{with .Problem}}<p role="alert">{{.}}</p>
{{end}}{{with .Body}}{{.}}{{else}}<p><a href="{{$.Home}}">Back to the site</a></p>{{end}}</main></body></html>
`))
