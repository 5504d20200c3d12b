package main

import (
	"io/fs"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"
)

// docs are the pages in the repository's folder docs. The demo shows them if it is
// run from a clone, and has no links to them otherwise.
type docs struct{ fs.FS }

// openDocs looks for the folder from where people run the demo: the root of the
// repository, or the demo's own folder.
func openDocs() docs {
	for _, dir := range []string{"docs", "../../docs"} {
		root, err := os.OpenRoot(dir) // it doesn't follow links that lead out
		if err != nil {
			continue
		}
		if _, err := root.Stat("FORMAT.md"); err == nil {
			return docs{root.FS()}
		}
		root.Close()
	}
	return docs{}
}

// docLink is an entry of the footer.
type docLink struct{ File, Label string }

func (d docs) list() (found []docLink) {
	for _, l := range []docLink{
		{"HOWTO.md", "How-to"}, {"SIGNIN.md", "Sign-in"}, {"BEHAVIOUR.md", "Behaviour"}, {"FORMAT.md", "Format"},
		{"ROTATION.md", "Rotation"}, {"FLEET.md", "Fleet"}, {"STAMP.md", "Stamp"}, {"THREATS.md", "Threats"},
	} {
		if d.path(l.File) != "" {
			found = append(found, l)
		}
	}
	return found
}

// path returns the address of a page, or "" if it isn't there.
func (d docs) path(file string) string {
	if d.FS == nil {
		return ""
	}
	if _, err := fs.Stat(d, file); err != nil {
		return ""
	}
	return "/docs/" + file
}

// doc shows a page of the documentation as it is written.
func (a *app) doc(w http.ResponseWriter, r *http.Request, u *User, _ bool) {
	name := r.PathValue("page")
	if a.docs.FS == nil || !strings.HasSuffix(name, ".md") {
		a.errorPage(w, r, http.StatusNotFound)
		return
	}
	text, err := fs.ReadFile(a.docs, name)
	if err != nil || !utf8.Valid(text) {
		a.errorPage(w, r, http.StatusNotFound)
		return
	}
	title, body, _ := strings.Cut(string(text), "\n")
	a.render(w, r, http.StatusOK, "doc", page{User: u, Data: struct{ Name, Title, Text string }{
		name, strings.TrimPrefix(title, "# "), strings.TrimSpace(body)}})
}
