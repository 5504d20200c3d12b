package ssestore_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/hardtack-go/hardtack/ssestore"
)

func TestS5_5_MergeCacheControl(t *testing.T) {
	for _, row := range []struct {
		before []string
		want   string
	}{
		{nil, "private, no-store"},
		{[]string{""}, "private, no-store"},
		{[]string{" , "}, "private, no-store"},
		{[]string{"public, max-age=60"}, "max-age=60, private"},
		{[]string{"no-store"}, "no-store, private"},
		{[]string{"s-maxage=600, public"}, "private"},
		{[]string{"private"}, "private"},
		{[]string{"private, max-age=60"}, "max-age=60, private"},
		{[]string{"PUBLIC, S-MaxAge=5, Max-Age=60"}, "Max-Age=60, private"},
		{[]string{"public ,s-maxage = 5,no-cache"}, "no-cache, private"},
		{[]string{"public", "max-age=60"}, "max-age=60, private"},
		{[]string{`private="x-a, public", max-age=1`}, "max-age=1, private"},
		{[]string{`no-cache="set-cookie, \", public", public`}, `no-cache="set-cookie, \", public", private`},
		{[]string{`no-cache="unclosed, public`}, `no-cache="unclosed, public, private`},
		{[]string{"must-revalidate, immutable, stale-while-revalidate=5"}, "must-revalidate, immutable, stale-while-revalidate=5, private"},
	} {
		h := http.Header{}
		if row.before != nil {
			h["Cache-Control"] = row.before
		}
		ssestore.Outcome{Private: true}.Merge(h)
		if got := h["Cache-Control"]; len(got) != 1 || got[0] != row.want {
			t.Errorf("%q: got %q, want %q", row.before, got, row.want)
		}
	}
}

// TestF301_MergePersonal: the same merge, but what the handler left open stays open.
func TestF301_MergePersonal(t *testing.T) {
	for before, want := range map[string]string{
		"": "private", "public, max-age=60": "max-age=60, private", "no-store": "no-store, private", "s-maxage=600": "private",
	} {
		h := http.Header{"Cache-Control": {before}, "Cdn-Cache-Control": {"max-age=60"}, "Expires": {"Thu, 01 Jan 2099 00:00:00 GMT"}}
		ssestore.Outcome{Personal: true, Vary: true}.Merge(h)
		same(t, before, h.Get("Cache-Control"), want)
		same(t, before+": fields left", len(h), 2)
	}
	for _, o := range []ssestore.Outcome{{Personal: true, Private: true}, {Personal: true, SetCookie: []string{"s=1"}}} {
		h := http.Header{}
		o.Merge(h)
		same(t, "the stronger one", h.Get("Cache-Control"), "private, no-store")
	}
}

func TestS5_6_MergeVary(t *testing.T) {
	for _, row := range []struct{ before, want []string }{
		{nil, []string{"Cookie"}},
		{[]string{""}, []string{"Cookie"}},
		{[]string{"Accept-Encoding"}, []string{"Accept-Encoding, Cookie"}},
		{[]string{"cookie"}, []string{"cookie"}},
		{[]string{"*"}, []string{"*"}},
		{[]string{"Accept, COOKIE"}, []string{"Accept, COOKIE"}},
		{[]string{"Accept", "Origin"}, []string{"Accept, Origin, Cookie"}},
		{[]string{"Accept", "Cookie"}, []string{"Accept", "Cookie"}},
		{[]string{"Cookie2"}, []string{"Cookie2, Cookie"}},
		{[]string{"Accept,,"}, []string{"Accept, Cookie"}},
	} {
		h := http.Header{}
		if row.before != nil {
			h["Vary"] = row.before
		}
		ssestore.Outcome{Vary: true}.Merge(h)
		if !slices.Equal(h["Vary"], row.want) {
			t.Errorf("%q: got %q, want %q", row.before, h["Vary"], row.want)
		}
		same(t, "Cache-Control", h.Get("Cache-Control"), "")
	}
}

// TestMerge_SharedCaches: a Set-Cookie in a shared cache is somebody else's
// session (nextjs-auth0 CVE-2025-48947, Flask CVE-2026-27205).
func TestMerge_SharedCaches(t *testing.T) {
	before := http.Header{
		"Cache-Control": {"public, s-maxage=60"}, "Expires": {"Thu, 01 Jan 2099 00:00:00 GMT"},
		"Cdn-Cache-Control": {"max-age=60"}, "CDN-Cache-Control": {"max-age=60"}, "cloudflare-cdn-cache-control": {"max-age=60"},
		"Vercel-Cdn-Cache-Control": {"max-age=60"}, "Netlify-Cdn-Cache-Control": {"max-age=60"}, "Surrogate-Control": {"max-age=60"},
		"X-Accel-Expires": {"60"}, "x-accel-expires": {"60"}, "Edge-Control": {"max-age=60"}, "Akamai-Cache-Control": {"max-age=60"},
		"Content-Type": {"text/html"}, "Set-Cookie": {"a=1"}, "set-cookie": {"b=2"}, "vary": {"Accept"},
	}
	for name, o := range map[string]ssestore.Outcome{
		"a resolved user": {Private: true},
		"a Set-Cookie":    {SetCookie: []string{"s=1"}},
	} {
		h := before.Clone()
		o.Merge(h)
		want := []string{"Cache-Control", "Content-Type", "Set-Cookie", "Vary"}
		if name == "a resolved user" {
			want = []string{"Cache-Control", "Content-Type", "Set-Cookie", "set-cookie", "vary"}
		}
		if got := slices.Sorted(maps.Keys(h)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
		same(t, name, h.Get("Cache-Control"), "private")
		if len(o.SetCookie) > 0 {
			if !slices.Equal(h["Set-Cookie"], []string{"a=1", "b=2", "s=1"}) {
				t.Errorf("Set-Cookie: %q", h["Set-Cookie"])
			}
			same(t, "Vary", h.Get("Vary"), "Accept, Cookie")
		}
	}
	h := before.Clone()
	ssestore.Outcome{}.Merge(h)
	same(t, "an empty outcome changes nothing", maps.EqualFunc(h, before, slices.Equal), true)
	same(t, "nothing to merge", len(before["Set-Cookie"]), 1)
	ssestore.Outcome{SetCookie: []string{"s=1"}, Vary: true}.Merge(nil) // and no panic
}

// TestMerge_AnySpelling: the result does not depend on the order of a map.
func TestMerge_AnySpelling(t *testing.T) {
	for range 50 {
		h := map[string][]string{"set-cookie": {"c=3"}, "SET-COOKIE": {"a=1"}, "Set-cookie": {"b=2"}, "Set-Cookie": {"z=0"}}
		ssestore.Outcome{SetCookie: []string{"s=1"}}.Merge(h)
		if got := h["Set-Cookie"]; !slices.Equal(got, []string{"z=0", "a=1", "b=2", "c=3", "s=1"}) {
			t.Fatalf("%q", got)
		}
	}
}

// TestMerge_SharesNothing: rs/cors#198 appended to one slice from many responses.
func TestMerge_SharesNothing(t *testing.T) {
	lines := append(make([]string, 0, 8), "s=1")
	own := append(make([]string, 0, 8), "a=1")
	varies := append(make([]string, 0, 8), "cookie")
	o := ssestore.Outcome{SetCookie: lines, Vary: true}
	one, two := http.Header{"Set-Cookie": own, "Vary": varies}, http.Header{}
	o.Merge(one)
	o.Merge(two)
	one["Set-Cookie"][0], two["Set-Cookie"][0], one["Vary"][0] = "x", "x", "x"
	_ = append(one["Set-Cookie"], "y")
	same(t, "the outcome", lines[0]+lines[:2][1], "s=1")
	same(t, "the handler's", own[0]+own[:2][1], "a=1")
	same(t, "the handler's Vary", varies[0], "cookie")
}
