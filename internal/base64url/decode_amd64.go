//go:build amd64 && !purego

package base64url

// vector says that decodeBlocks works on this processor. SSSE3 is in all that
// were made for servers since 2006, but GOAMD64=v1 does not promise it.
var vector = hasSSSE3()

// hasSSSE3 asks the processor.
func hasSSSE3() bool

// decodeBlocks decodes n blocks of 16 characters to 12 bytes each, and reports
// whether all characters are of the alphabet. It writes 16 bytes for each block,
// so dst must have room for 12n+4. n must be positive. The plain twin is the
// first loop of decode.
//
//go:noescape
func decodeBlocks(dst, src *byte, n int) bool
