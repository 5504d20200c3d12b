// Package vectors holds tests and no code: test vectors that others published
// (Wycheproof, RFC 7520) against this library, and the vectors that this library
// publishes (cookie/testdata/vectors) against go-jose and Node's jose.
package vectors
