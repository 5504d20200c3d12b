package ssestore_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/ssestore"
)

// plainMerge is Merge word by word as its comment has it: field after field,
// each with a walk of its own over the header.
func plainMerge(o ssestore.Outcome, h map[string][]string) {
	if h == nil {
		return
	}
	if len(o.SetCookie) > 0 {
		h["Set-Cookie"] = append(takeField(h, "Set-Cookie"), o.SetCookie...)
	}
	if o.Vary || len(o.SetCookie) > 0 {
		h["Vary"] = plainVary(takeField(h, "Vary"))
	}
	if !o.Private && !o.Personal && len(o.SetCookie) == 0 {
		return
	}
	cacheControl := plainPrivate(takeField(h, "Cache-Control"))
	if cacheControl == "" && (o.Private || len(o.SetCookie) > 0) {
		cacheControl = "private, no-store"
	} else if cacheControl == "" {
		cacheControl = "private"
	}
	h["Cache-Control"] = []string{cacheControl}
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasSuffix(lower, "cdn-cache-control") || slices.Contains([]string{
			"expires", "edge-control", "x-accel-expires", "surrogate-control", "akamai-cache-control", "fastly-cache-control",
		}, lower) {
			delete(h, name)
		}
	}
}

func takeField(h map[string][]string, name string) (values []string) {
	values = slices.Clone(h[name])
	for _, k := range slices.Sorted(maps.Keys(h)) {
		if k != name && strings.EqualFold(k, name) {
			values = append(values, h[k]...)
			delete(h, k)
		}
	}
	delete(h, name)
	return values
}

func plainVary(values []string) []string {
	var all []string
	for _, item := range strings.Split(strings.Join(values, ","), ",") {
		item = strings.TrimSpace(item)
		if item == "*" || strings.EqualFold(item, "Cookie") {
			return values
		}
		if item != "" {
			all = append(all, item)
		}
	}
	return []string{strings.Join(append(all, "Cookie"), ", ")}
}

// plainPrivate is "" if the handler said nothing.
func plainPrivate(values []string) string {
	var keep []string
	found := false
	for _, v := range values {
		for _, d := range plainDirectives(v) {
			name, _, _ := strings.Cut(d, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "" {
				continue
			}
			found = true
			if name != "public" && name != "s-maxage" && name != "private" {
				keep = append(keep, d)
			}
		}
	}
	if !found {
		return ""
	}
	return strings.Join(append(keep, "private"), ", ")
}

func plainDirectives(v string) (list []string) {
	piece, quoted, escaped := "", false, false
	for _, c := range []byte(v) {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			list = append(list, strings.TrimSpace(piece))
			piece = ""
			continue
		}
		piece += string([]byte{c})
	}
	return append(list, strings.TrimSpace(piece))
}

// twin merges into two copies of a header, which is written as lines of name and
// value, and compares.
func twin(t *testing.T, header string, o ssestore.Outcome) {
	t.Helper()
	one, two := http.Header{}, http.Header{}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		one[name] = append(one[name], value)
		two[name] = append(two[name], value)
	}
	o.Merge(one)
	plainMerge(o, two)
	if !maps.EqualFunc(one, two, slices.Equal) {
		t.Fatalf("vary %v, private %v, personal %v, %d lines, into\n%s\n got %q\nwant %q", o.Vary, o.Private, o.Personal, len(o.SetCookie), header, one, two)
	}
}

// FuzzMerge holds Merge, which walks the header once, against its plain twin.
func FuzzMerge(f *testing.F) {
	for i, header := range []string{
		"", "Vary:Accept", "vary:Accept\nVary:*\nVARY:Cookie", "Cache-Control:public, max-age=1\ncache-control:\ncache-control:s-maxage=2",
		"Set-Cookie:a=1\nset-cookie:b=2\nSET-COOKIE:c=3", `Cache-Control:no-cache="a, \", public", public`, "Cache-Control:private=\"x, public\"",
		"Expires:0\nexpires:0\nX-Accel-Expires:0\nEdge-Control:a", "X-Cdn-Cache-Control:a\nCDN-CACHE-CONTROL:a\ndn-cache-control:b", "\u017furrogate-Control:a\nVar\u00ff:x\n\u017fet-Cookie:y",
		"Cache-Control:a,b,c,d,e,f,g,h,i,j\nVary:a,b,c,d,e,f,g,h,i,j",
	} {
		f.Add(header, i%3, i&1 == 0, i&2 == 0, i&3 == 0)
	}
	f.Fuzz(func(t *testing.T, header string, lines int, vary, private, personal bool) {
		o := ssestore.Outcome{Vary: vary, Private: private, Personal: personal}
		for i := range lines & 3 {
			o.SetCookie = append(o.SetCookie, "s="+string(rune('0'+i)))
		}
		twin(t, header, o)
	})
}

// TestMerge_Twin does the same for headers of names and values that matter, so
// that every run covers the ground.
func TestMerge_Twin(t *testing.T) {
	names := []string{
		"Vary", "vary", "VARY", "Set-Cookie", "set-cookie", "SET-Cookie", "Cache-Control", "cache-control", "Expires", "expires", "Content-Type",
		"CDN-Cache-Control", "Cloudflare-Cdn-Cache-Control", "Akamai-Cache-Control", "X-Accel-Expires", "Surrogate-Control", "Etag", "Vari", "Set_Cookie",
	}
	pieces := []string{"public", "Private", "s-maxage=1", "max-age=5", `no-cache="a, b"`, `"`, `\`, "*", "cookie", "Accept", ",", ", ", " ", "=", "é"}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range draw.IntN(6) {
			b.WriteString(names[draw.IntN(len(names))] + ":")
			for range draw.IntN(6) {
				b.WriteString(pieces[draw.IntN(len(pieces))])
			}
			b.WriteByte('\n')
		}
		twin(t, b.String(), ssestore.Outcome{
			Vary: draw.IntN(2) == 0, Private: draw.IntN(2) == 0, Personal: draw.IntN(2) == 0, SetCookie: []string{"s=1", "t=2"}[:draw.IntN(3)],
		})
	}
}

// BenchmarkMerge puts outcomes into headers as handlers leave them.
func BenchmarkMerge(b *testing.B) {
	user := ssestore.Outcome{Vary: true, Private: true}
	write := ssestore.Outcome{Vary: true, Private: true, SetCookie: []string{"__Host-session=" + strings.Repeat("x", 396) + "; Path=/; Secure; HttpOnly; SameSite=Lax"}}
	plain := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	full := http.Header{
		"Content-Type": {"text/html; charset=utf-8"}, "Content-Length": {"1234"}, "Etag": {`"abc"`},
		"Vary": {"Accept-Encoding"}, "Cache-Control": {"no-cache, max-age=0"}, "X-Content-Type-Options": {"nosniff"},
		"Content-Security-Policy": {"default-src 'self'"}, "Referrer-Policy": {"same-origin"},
	}
	for _, c := range []struct {
		name   string
		out    ssestore.Outcome
		before http.Header
	}{
		{"nothing to merge", ssestore.Outcome{}, plain}, // what the loop itself costs
		{"user", user, plain},
		{"user, 8 headers", user, full},
		{"write", write, plain},
		{"write, 8 headers", write, full},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			h := http.Header{}
			for b.Loop() {
				clear(h)
				maps.Copy(h, c.before)
				c.out.Merge(h)
			}
		})
	}
}
