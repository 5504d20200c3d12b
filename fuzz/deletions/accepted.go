package main

import (
	"maps"
	"slices"
)

// A reason says why some guards may be deleted without a test failing.
type reason struct {
	verdict verdict // what happens: survived, panicked, hung or, where timing decides, chance
	why     string
	guards  []string // their addresses
}

// acceptance is that list, by address.
type acceptance map[string]reason

func newAcceptance(list []reason) acceptance {
	a := acceptance{}
	for _, r := range list {
		for _, g := range r.guards {
			a[g] = r
		}
	}
	return a
}

// judge accepts a result that the list expects. If something else happened, the entry
// is stale.
func (a acceptance) judge(res result) result {
	r, ok := a[res.name]
	switch {
	case !ok || res.verdict == broken:
	case res.verdict == r.verdict || r.verdict == chance && (res.verdict == survived || res.verdict == killed):
		res.verdict, res.detail = accepted, string(r.verdict)+": "+r.why
	case res.verdict == killed:
		res.verdict, res.detail = stale, "listed as "+string(r.verdict)+", but killed by "+res.detail
	}
	return res
}

// gone returns the entries whose guards don't exist.
func (a acceptance) gone(all []guard) (list []result) {
	there := map[string]bool{}
	for _, g := range all {
		there[g.String()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !there[name] {
			list = append(list, result{name: name, verdict: stale, detail: "accepted, but there is no such guard"})
		}
	}
	return list
}
