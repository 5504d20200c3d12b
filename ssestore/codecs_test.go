package ssestore_test

import (
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/cookie/gorilla"
	"github.com/hardtack-go/hardtack/cookie/jose"
)

// codec is one row of the list that the whole suite runs over.
type codec struct {
	name string
	new  cookie.NewCodec
	// kids: the format names its key, so that a tampered value of a known key
	// can be told from one of an unknown key.
	kids bool
}

var codecs = []codec{
	{"jwe", cookie.NewJWE, true},
	{"jose", jose.NewCodec, true},
	{"gorilla", gorilla.NewCodec, false},
}

// each runs a test over every codec.
func each(t *testing.T, f func(t *testing.T, c codec)) {
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) { f(t, c) })
	}
}

// eachWithKids leaves out the formats that name no key.
func eachWithKids(t *testing.T, f func(t *testing.T, c codec)) {
	each(t, func(t *testing.T, c codec) {
		if !c.kids {
			t.Skip("the format names no key: what no key opens counts as unknown key")
		}
		f(t, c)
	})
}
