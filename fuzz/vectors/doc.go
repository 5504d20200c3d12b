// Package vectors has tests and no code. They run test vectors published by others
// (Wycheproof, RFC 7520) against this library, and the vectors that this library
// publishes (in cookie/testdata and ticket/testdata) against go-jose and Node's jose.
package vectors
