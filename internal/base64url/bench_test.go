package base64url_test

import (
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/base64url"
)

// BenchmarkDecode decodes as much as a session has.
func BenchmarkDecode(b *testing.B) {
	s := strings.Repeat("Hardtack", 40)
	dst := make([]byte, len(s))
	b.Run("vector", func(b *testing.B) {
		for b.Loop() {
			base64url.Decode(dst, s)
		}
	})
	b.Run("portable", func(b *testing.B) {
		for b.Loop() {
			base64url.PortableDecode(dst, s)
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			base64url.PlainDecode(s)
		}
	})
}
