//go:build !amd64 || purego

package base64url

const vector = false

func decodeBlocks(_, _ *byte, _ int) bool { panic("base64url: no vector code here") }
func encodeBlocks(_, _ *byte, _ int)      { panic("base64url: no vector code here") }
