package ticket_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ticket"
)

// TestK6_BoundFields: the fields are compared in number, order and content. Nothing can
// move from one to the next.
func TestK6_BoundFields(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	lists := [][]string{
		{""}, {"", ""}, {"", "", ""}, {"a"}, {"b"}, {"A"}, {"a", ""}, {"", "a"}, {"a", "b"}, {"b", "a"}, {"ab"}, {"ab", ""}, {"a", "b", ""}, {"a", "b", "c"}, {"a", "bc"}, {"ab", "c"},
		{"a\x00\x00\x00\x01b"}, {"\x00\x00\x00\x01a"}, {"a\x00"}, {"a", "\x00"}, {"é"}, {"e\u0301"}, {"\xff"}, {"\ufffd"},
		{strings.Repeat("x", 1e6)}, {strings.Repeat("x", 1e6) + "y"},
	}
	for _, sealed := range lists {
		token := seal(t, k, "ada", sealed...)
		for _, now := range lists {
			if reflect.DeepEqual(sealed, now) {
				opens(t, k, t0, token, fields[string](now...), "ada")
			} else {
				refused(t, k, t0, token, fields[string](now...), cookie.ReasonStampMismatch)
			}
		}
	}
}

// TestK6_EveryBitOfTheDigest is compared.
func TestK6_EveryBitOfTheDigest(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	right, err := b64.DecodeString(bndOf("hash"))
	if err != nil || len(right) != 16 {
		t.Fatal(right, err)
	}
	at := func(sum []byte) string {
		return forge(claimsText(t0.Unix(), t0.Unix()+3600, b64.EncodeToString(sum), `"ada"`))
	}
	opens(t, k, t0, at(right), fields[string]("hash"), "ada")
	for bit := range 128 {
		sum := append([]byte(nil), right...)
		sum[bit/8] ^= 1 << (bit % 8)
		refused(t, k, t0, at(sum), fields[string]("hash"), cookie.ReasonStampMismatch)
	}
}

// TestK7_WhatBoundReturns: its error comes back as it is, and nil is nobody. It is
// asked last, about what is authentic and not over.
func TestK7_WhatBoundReturns(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	token := seal(t, k, "ada", "hash")
	down := errors.New("the store is down")
	v, err := k.Open(t0, token, func(string) ([]string, error) { return []string{"hash"}, down })
	if v != "" || err != down {
		t.Errorf("%q, %v", v, err)
	}
	refused(t, k, t0, token, func(string) ([]string, error) { return nil, nil }, cookie.ReasonStampMismatch)
	refused(t, k, t0, token, func(string) ([]string, error) { return []string{}, nil }, cookie.ReasonStampMismatch)
	// Even where another writer has bound a ticket to nothing.
	nothing := forge(claimsText(t0.Unix(), t0.Unix()+3600, bndOf(), `"ada"`))
	refused(t, k, t0, nothing, func(string) ([]string, error) { return nil, nil }, cookie.ReasonStampMismatch)

	asked := ""
	ask := func(v string) ([]string, error) { asked += v; return []string{"hash"}, nil }
	other := newKind[string](t, ring(t, 1), purpose("other"))
	altered := token[:len(token)-22] + strings.Repeat("A", 22) // a tag of zeros
	refused(t, k, t0, altered, ask, cookie.ReasonBadTag)
	refused(t, k, t0, "x"+token, ask, cookie.ReasonForeign)
	refused(t, k, t0, seal(t, other, "ada", "hash"), ask, cookie.ReasonBadTag)
	refused(t, k, after(time.Hour), token, ask, cookie.ReasonExpired)
	refused(t, k, after(-time.Hour), token, ask, cookie.ReasonFuture)
	refused(t, newKind[string](t, ring(t, 2)), t0, token, ask, cookie.ReasonUnknownKey)
	if asked != "" {
		t.Errorf("asked about %q", asked)
	}
	opens(t, k, t0, token, ask, "ada")
	if asked != "ada" {
		t.Errorf("asked about %q", asked)
	}
}

func purpose(p string) func(*ticket.Config) { return func(c *ticket.Config) { c.Purpose = p } }

// TestK8_ForgottenFields: a check that the program forgot fails closed, and loudly. A
// ticket that is over is just over.
func TestK8_ForgottenFields(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	bound, free := seal(t, k, "ada", "hash"), seal(t, k, "ada")
	for what, open := range map[string]func() (string, error){
		"bound, opened without":         func() (string, error) { return k.Open(t0, bound, nil) },
		"free, opened with fields":      func() (string, error) { return k.Open(t0, free, fields[string]("hash")) },
		"free, opened with no fields":   func() (string, error) { return k.Open(t0, free, fields[string]()) },
		"sealed with an empty list":     func() (string, error) { return k.Open(t0, seal(t, k, "ada", []string{}...), fields[string]()) },
		"free, and the function panics": func() (string, error) { return k.Open(t0, free, func(string) ([]string, error) { panic("called") }) },
	} {
		if v, err := open(); v != "" || !errors.Is(err, ticket.ErrUnbound) || errors.Is(err, cookie.ErrInvalid) {
			t.Errorf("%s: %q, %v", what, v, err)
		}
	}
	refused(t, k, after(time.Hour), bound, nil, cookie.ReasonExpired)
	opens(t, k, t0, free, nil, "ada")
}

// accounts is a user store whose only write is a compare-and-set.
type accounts struct {
	mu   sync.Mutex
	hash map[string]string
}

func (a *accounts) get(id string) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if hash, ok := a.hash[id]; ok {
		return []string{hash}, nil
	}
	return nil, nil
}

func (a *accounts) set(id, old, hash string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hash[id] != old {
		return false
	}
	a.hash[id] = hash
	return true
}

// TestK9_OnceByCompareAndSet: of 50 requests that redeem one ticket at once, all of
// which have opened it before the first one writes, exactly one wins. Later it opens for nobody.
func TestK9_OnceByCompareAndSet(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	db := &accounts{hash: map[string]string{"ada": "old"}}
	token := seal(t, k, "ada", "old")
	var opened, all sync.WaitGroup
	opened.Add(50)
	var won atomic.Int32
	for i := range 50 {
		all.Go(func() {
			var seen string // what Open compared with
			id, err := k.Open(t0, token, func(id string) ([]string, error) {
				now, err := db.get(id)
				if len(now) == 1 {
					seen = now[0]
				}
				return now, err
			})
			opened.Done()
			opened.Wait()
			if err != nil {
				t.Error(err)
			} else if db.set(id, seen, fmt.Sprint("new ", i)) {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || db.hash["ada"] == "old" {
		t.Errorf("%d won, and the hash is %q", won.Load(), db.hash["ada"])
	}
	refused(t, k, t0, token, db.get, cookie.ReasonStampMismatch)
	delete(db.hash, "ada")
	refused(t, k, t0, token, db.get, cookie.ReasonStampMismatch)
}
