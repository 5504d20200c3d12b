package ssestore_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// TestNilSession calls every method of a nil and of the zero Session, and of
// typed keys with them: ErrNoSession or a zero value, never a panic.
func TestNilSession(t *testing.T) {
	errorType := reflect.TypeFor[error]()
	call := func(name string, m reflect.Value) {
		t.Run(name, func(t *testing.T) {
			in := make([]reflect.Value, 0, m.Type().NumIn())
			for i := range m.Type().NumIn() {
				in = append(in, reflect.Zero(m.Type().In(i)))
				if name == "Memo" && i == 1 {
					in[i] = reflect.ValueOf(func(ssestore.Identity, any) any { return nil })
				}
			}
			for _, out := range m.Call(in) {
				if out.Type() == errorType && name != "Late" {
					if err, _ := out.Interface().(error); !errors.Is(err, ssestore.ErrNoSession) {
						t.Errorf("error: %v", err)
					}
				}
			}
		})
	}
	for _, s := range []*ssestore.Session{nil, {}} {
		for _, v := range []reflect.Value{reflect.ValueOf(s), reflect.ValueOf(s.Principal())} {
			for i := range v.NumMethod() {
				if name := v.Type().Method(i).Name; name != "Format" { // needs an fmt.State
					call(name, v.Method(i))
				}
			}
		}
		k := ssestore.NewKey[int]("n")
		same(t, "Get", k.Get(s), 0)
		_, ok := k.Lookup(s)
		same(t, "Lookup", ok, false)
		_, ok = k.Pop(s)
		same(t, "Pop", ok, false)
		same(t, "Set", k.Set(s, 1), ssestore.ErrNoSession)
		same(t, "Delete", k.Delete(s), ssestore.ErrNoSession)
	}
	same(t, "Session's methods were called", reflect.TypeFor[*ssestore.Session]().NumMethod() > 10, true)
	same(t, "Principal's methods were called", reflect.TypeFor[ssestore.Principal]().NumMethod() > 8, true)
}

// TestNilStore: the zero Store and nil load sessions that can do nothing.
func TestNilStore(t *testing.T) {
	for _, store := range []*ssestore.Store{nil, {}} {
		s := store.Load([]string{"__Host-session=x"}, t0)
		same(t, "Set", note.Set(s, "x"), ssestore.ErrNoTime)
		same(t, "user", s.Principal().Identity().ID, "")
		same(t, "new", s.Info().New, true)
		_, err := s.Principal().Stamp("1", hash)
		same(t, "Stamp", err, cookie.ErrNoPrimary)
		_, _, err = s.Principal().Check(ssestore.Stamp{KeyID: kid(1)}, "1", hash)
		same(t, "Check", err, ssestore.ErrUnknownKey)
		_, _, err = s.Principal().Check(ssestore.Stamp{}, "1", hash)
		same(t, "Check of none", err, ssestore.ErrUnknownKey)
		same(t, "again", s.Principal().Again(t0).Info().New, true)
		out, err := s.Commit(200)
		must(t, err)
		silent(t, out)
		same(t, "name", store.CookieName(), "")
		same(t, "secure", store.Secure(), false)
		same(t, "strict", store.Strict(), false)
	}
}
