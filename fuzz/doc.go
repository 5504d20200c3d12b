// Package fuzz holds no code, only tests that need other people's: fuzz targets
// that hold hardtack against go-jose, gorilla/securecookie, encoding/json and a
// WHATWG URL parser. It is a module of its own, so that none of that reaches the
// users of hardtack. Beside the targets there are five rooms:
//
//   - mutants: five million altered cookies for each format, of which none opens
//   - vectors: Wycheproof, RFC 7520, and our own vectors in other libraries
//   - advisories: published faults of other libraries, replayed
//   - reliability: many clients, several instances, faults on purpose
//   - deletions: takes each security check out in turn and demands a red test
//
// The targets run as
//
//	go test ./fuzz          replays every committed seed
//	fuzz/run 20             fuzzes each target for 20 seconds
//	go test ./fuzz -update  writes the seeds anew (seeds_test.go)
//
// Every target is black box: it uses what a program can use, with two
// exceptions. FuzzTokenOpen and FuzzClaims reach into internal/jwe and
// internal/claims, because behind authentication a fuzzer would have to forge a
// tag first. They do it with a transparent cipher of their own; a test sees to it
// that nothing outside of tests can (internal/policy).
//
// What a fuzzer finds goes into testdata/fuzz when it is a failure, and becomes a
// test there. Inputs that are merely new stay in Go's cache.
package fuzz
