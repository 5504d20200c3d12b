package jwe_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/internal/jwe"
)

// Open and Check hold the length cap themselves: they do not rely on Kid having
// been asked before. The tokens are authentic, so only their length is wrong.
func TestOpen_TooLong(t *testing.T) {
	aead := newAEAD(t)
	iv := make([]byte, jwe.IVLen)
	for n := 2990; n <= 3000; n++ {
		token := jwe.PlainSeal(aead, iv, kid, make([]byte, n))
		want := jwe.OK
		if len(token) > jwe.MaxToken {
			want = jwe.Malformed
		}
		_, fault := jwe.Open(nil, aead, token)
		_, plain := jwe.PlainOpen(aead, token)
		if check := jwe.Check(token); fault != want || plain != want || check != want {
			t.Errorf("%d characters: Open %v, PlainOpen %v, Check %v, want %v", len(token), fault, plain, check, want)
		}
	}
}
