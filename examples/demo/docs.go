package main

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
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
		name, strings.TrimPrefix(title, "# "), flow(strings.TrimSpace(body))}})
}

// apart starts a line that doesn't go on with the one before: a heading, a row of a table,
// an item of a list, a quotation, or what is indented. Only an item goes on.
var apart, item = regexp.MustCompile(`^(\s|#|\||>|[-*] |\d+\. |$)`), regexp.MustCompile(`^([-*]|\d+\.) `)

// flow joins the lines of a paragraph, so that it fills a window of any width.
func flow(markdown string) string {
	var b strings.Builder
	code, open := false, false // open: the line before can go on
	for i, line := range strings.Split(markdown, "\n") {
		fence := strings.HasPrefix(line, "```")
		text := !code && !fence && !apart.MatchString(line)
		switch {
		case text && open:
			b.WriteByte(' ')
		case i > 0:
			b.WriteByte('\n')
		}
		b.WriteString(line)
		code = code != fence
		open = text || !code && item.MatchString(line)
	}
	return b.String()
}
