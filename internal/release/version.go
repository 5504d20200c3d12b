package main

import (
	"cmp"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// version is a semantic version: https://semver.org/spec/v2.0.0.html
//
// golang.org/x/mod/semver does this too, but every user of the root module would then
// have x/mod in their module graph.
type version struct {
	number [3]int
	pre    []string // the identifiers of a pre-release
}

// form is the grammar of semver.org §9 to §11 with Go's v in front, and without build
// metadata, which a module version can't have. The module path has no /v2, so the major
// version is 0 or 1. Nine digits fit an int everywhere.
var form = regexp.MustCompile(`^v([01])\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-((?:0|[1-9]\d{0,8}|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d{0,8}|\d*[A-Za-z-][0-9A-Za-z-]*))*))?$`)

var errVersion = errors.New("the version must look like v0.1.0 or v1.0.0-rc.1")

func parseVersion(s string) (version, error) {
	m := form.FindStringSubmatch(s)
	if m == nil {
		return version{}, errVersion
	}
	var v version
	for i := range v.number {
		v.number[i], _ = strconv.Atoi(m[i+1]) // digits, and few
	}
	if m[4] != "" {
		v.pre = strings.Split(m[4], ".")
	}
	return v, nil
}

// compare orders versions as semver.org §11 does.
func (v version) compare(w version) int {
	for i := range v.number {
		if c := cmp.Compare(v.number[i], w.number[i]); c != 0 {
			return c
		}
	}
	if len(v.pre) == 0 || len(w.pre) == 0 { // a release is higher than its pre-releases
		return cmp.Compare(len(w.pre), len(v.pre))
	}
	for i := range min(len(v.pre), len(w.pre)) {
		a, errA := strconv.Atoi(v.pre[i])
		b, errB := strconv.Atoi(w.pre[i])
		c := 0
		switch {
		case errA == nil && errB == nil:
			c = cmp.Compare(a, b)
		case errA == nil: // a number is lower than a word
			c = -1
		case errB == nil:
			c = 1
		default:
			c = strings.Compare(v.pre[i], w.pre[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(v.pre), len(w.pre))
}
