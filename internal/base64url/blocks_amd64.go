//go:build amd64 && !purego

package base64url

// vector reports whether decodeBlocks and encodeBlocks work on this processor. Every server
// processor since 2006 has SSSE3, but GOAMD64=v1 doesn't promise it.
var vector = hasSSSE3()

// hasSSSE3 asks the processor whether it has SSSE3.
func hasSSSE3() bool

// decodeBlocks decodes n blocks of 16 characters to 12 bytes each, and reports
// whether all characters are in the alphabet. It writes 16 bytes for each block,
// so dst must have room for 12n+4. n must be positive. The plain twin is the
// first loop of decode.
//
//go:noescape
func decodeBlocks(dst, src *byte, n int) bool

// encodeBlocks encodes n blocks of 12 bytes to 16 characters each. It reads 16 bytes
// for each block, and writes the block's characters after that. n must be positive.
// The plain twin is the first loop of encode.
//
//go:noescape
func encodeBlocks(dst, src *byte, n int)
