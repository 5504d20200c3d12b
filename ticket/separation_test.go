package ticket_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ticket"
)

// TestK1_OnlyTheDiagonal: every combination of purpose and audience opens its own
// tickets and no others, also where the texts put together are equal. No sealed cookie
// opens as a ticket, whatever its name, and no ticket as a cookie.
func TestK1_OnlyTheDiagonal(t *testing.T) {
	r := ring(t, 1)
	type place struct{ purpose, audience string }
	var places []place
	purposes := []string{"reset", "reset/", "rese", "treset", "ticket", "seal", "nonce", "session", "a", "ab", "abc", "0"}
	if testing.Short() {
		purposes = purposes[:4]
	}
	for _, p := range purposes {
		for _, a := range []string{"", "a", "b", "bc", "reset", "ticket", "seal", "\x00", "shop", "https://app.example"} {
			places = append(places, place{p, a})
		}
	}
	kinds := make([]*ticket.Kind[string], len(places))
	tickets := make([]string, len(places))
	values := make([]string, len(places)) // of cookies
	codecs := make([]cookie.Codec, len(places))
	for i, p := range places {
		kinds[i] = newKind[string](t, r, func(c *ticket.Config) { c.Purpose, c.Audience = p.purpose, p.audience })
		tickets[i] = seal(t, kinds[i], "ada")
		name := p.purpose
		if name == "reset/" {
			name = "ticket-nonce" // a slash is for purposes alone
		}
		codec, err := cookie.JWE(name, p.audience)
		if err != nil {
			t.Fatal(err)
		}
		codecs[i] = codec
		if values[i], err = codec.Seal(r, []byte(claimsText(t0.Unix(), t0.Unix()+3600, "", `"ada"`))); err != nil {
			t.Fatal(err)
		}
	}
	opened := 0
	for i, k := range kinds {
		for j := range places {
			if i == j {
				opens(t, k, t0, tickets[j], nil, "ada")
				opened++
			} else {
				refused(t, k, t0, tickets[j], nil, cookie.ReasonBadTag)
			}
			refused(t, k, t0, values[j], nil, cookie.ReasonBadTag)
			if _, err := codecs[i].Open(r, tickets[j]); cookie.ReasonOf(err) != cookie.ReasonBadTag {
				t.Errorf("cookie %v opens ticket %v: %v", places[i], places[j], err)
			}
		}
	}
	t.Logf("%d of %d tickets opened, no cookie of %d, no ticket as a cookie of %d", opened, len(places)*len(places), len(places)*len(places), len(places)*len(places))
}

// TestK1_ASessionIsNoTicket, and a ticket is no session, with a store on the same ring
// whose cookie has the name of the purpose.
func TestK1_ASessionIsNoTicket(t *testing.T) {
	r := ring(t, 1)
	note := ssestore.NewKey[string]("note")
	store, err := ssestore.New(ssestore.Config{Keys: r, Cookie: cookie.Config{Name: "reset"}})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Load(nil, t0)
	if err := note.Set(s, "ada"); err != nil {
		t.Fatal(err)
	}
	out, err := s.Commit(200)
	if err != nil || len(out.SetCookie) != 1 {
		t.Fatal(out.SetCookie, err)
	}
	var session string
	if _, err := fmt.Sscanf(out.SetCookie[0], "reset=%s", &session); err != nil {
		t.Fatal(err)
	}
	session = session[:len(session)-1] // the semicolon
	if got := note.Get(store.Load([]string{"reset=" + session}, t0)); got != "ada" {
		t.Fatalf("the session itself: %q", got)
	}
	k := newKind[string](t, r)
	refused(t, k, t0, session, nil, cookie.ReasonBadTag)
	s = store.Load([]string{"reset=" + seal(t, k, "ada")}, t0)
	if out, err := s.Commit(200); err != nil || out.Refused != cookie.ReasonBadTag || note.Get(s) != "" {
		t.Errorf("a ticket as a session: %v, %v", out.Refused, err)
	}
}

// TestK2_EveryCharacter: no ticket that differs from a sealed one in one place opens.
func TestK2_EveryCharacter(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	for _, v := range []string{"", "a", "ab"} { // every length of the last group
		token := seal(t, k, v)
		for i := range token {
			for c := range 256 {
				changed := token[:i] + string([]byte{byte(c)}) + token[i+1:]
				if _, err := k.Open(t0, changed, nil); err == nil && changed != token {
					t.Fatalf("accepted with %#x at %d", c, i)
				}
			}
			for _, changed := range []string{token[:i], token[i+1:], token[:i] + token[i+1:], token[:i] + token[i:i+1] + token[i:], token[:i] + "\n" + token[i:]} {
				if _, err := k.Open(t0, changed, nil); err == nil {
					t.Fatalf("accepted: %q", changed)
				}
			}
		}
		for _, changed := range []string{token + "\n", token + "=", token + ".", token + "A", " " + token, token + token, token + "." + token} {
			if _, err := k.Open(t0, changed, nil); err == nil {
				t.Fatalf("accepted: %q", changed)
			}
		}
	}
}

// TestK15_RefusalsLookAlike: refused opens checks text and value; here are all reasons
// in one place, and the store's own error, which isn't one of them.
func TestK15_RefusalsLookAlike(t *testing.T) {
	k := newKind[string](t, ring(t, 1))
	token := seal(t, k, "ada", "hash")
	good := fields[string]("hash")
	opens(t, k, t0, token, good, "ada")
	refused(t, k, t0, "hello", good, cookie.ReasonForeign)
	refused(t, k, t0, "", good, cookie.ReasonForeign)
	refused(t, newKind[string](t, ring(t, 2)), t0, token, good, cookie.ReasonUnknownKey)
	refused(t, k, t0, token[:100], good, cookie.ReasonMalformed)
	refused(t, k, t0, token[:len(token)-1]+"!", good, cookie.ReasonMalformed)
	refused(t, newKind[int](t, ring(t, 1)), t0, token, fields[int]("hash"), cookie.ReasonMalformed)
	refused(t, newKind[string](t, ring(t, 1), purpose("other")), t0, token, good, cookie.ReasonBadTag)
	refused(t, k, after(-time.Hour), token, good, cookie.ReasonFuture)
	refused(t, k, after(time.Hour), token, good, cookie.ReasonExpired)
	refused(t, k, t0, token, fields[string]("other"), cookie.ReasonStampMismatch)
}
