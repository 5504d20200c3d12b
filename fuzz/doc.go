// Package fuzz has no code, only tests that need other people's code: fuzz targets
// that compare Hardtack with go-jose, gorilla/securecookie, encoding/json and a
// WHATWG URL parser. It is a separate module, so none of that reaches Hardtack's
// users. Next to the targets there are these directories:
//
//   - mutants: five million altered cookies for each format, and a million altered
//     tickets, none of which opens
//   - vectors: Wycheproof, RFC 7520, and our own vectors in other libraries
//   - advisories: published vulnerabilities of other libraries, replayed
//   - reliability: many clients, several instances, deliberate faults
//   - deletions: removes each security check in turn and demands a failing test
//   - census: shows that every state of a session occurs in the tests
//
// The targets run as
//
//	go test ./fuzz          replays every committed seed
//	fuzz/run 20             fuzzes each target for 20 seconds
//	go test ./fuzz -update  writes the seeds again (seeds_test.go)
//
// Every target is a black-box test that uses what any program can use, with two
// exceptions. FuzzTokenOpen and FuzzClaims reach into internal/jwe and
// internal/claims, because a fuzzer can't get past authentication without forging a
// tag. They use a transparent cipher. A test in internal/policy makes sure that only
// tests can do that.
//
// If a fuzzer finds a failure, the input goes into testdata/fuzz and becomes a test.
// Inputs that are merely new stay in Go's cache.
package fuzz
