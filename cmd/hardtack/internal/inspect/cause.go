package inspect

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
	"github.com/hardtack-go/hardtack/ticket"
)

func unknownKey(ring *keyring.Keyring, kid string) string {
	var have []string
	for _, k := range ring.Keys() {
		have = append(have, k.ID())
	}
	return "no key " + kid + " in the file, which has " + strings.Join(have, ", ") +
		": it was retired, or another instance has it and this file is older"
}

// opensAs tries a value whose tag doesn't match under other usual names and audiences,
// and as a ticket of package signin.
func (w *walk) opensAs(value string) *Place {
	names := append([]string{w.Name}, "__Host-session", "session", "__Secure-session", "__Host-Http-session", "__Http-session",
		"__Host-sid", "__Secure-sid", "sid", "__Host-id", "__Host-app", "__Host-auth", "__Host-hardtack", "hardtack", "__session")
	names = append(names, w.also...)
	audiences := append([]string{w.Audience}, "", "app", "web", "www", "api", "admin", "auth", "shop", "site", "edge",
		"production", "prod", "staging", "test", "development", "dev", "local", "localhost")
	for _, audience := range audiences {
		for _, name := range names {
			codec, err := cookie.JWE(name, audience)
			if err != nil {
				continue
			}
			if _, err := codec.Open(w.Ring, value); err == nil {
				return &Place{Cookie: name, Audience: audience}
			}
		}
		for _, purpose := range []string{"signin/passkey/login", "signin/passkey/add", "signin/passlink/link", "signin/passlink/asked", "reset", "verify", "invite"} {
			kind, err := ticket.New[json.RawMessage](ticket.Config{Keys: w.Ring, Purpose: purpose, Audience: audience, Life: ssestore.DefaultPersistentAbsolute})
			if err != nil {
				continue
			}
			// Old or bound to something, it is still a ticket.
			if _, err := kind.Open(w.now, value, nil); cookie.ReasonOf(err) != cookie.ReasonBadTag {
				return &Place{Ticket: purpose, Audience: audience}
			}
		}
	}
	return nil
}

func badTag(p *Place, name, audience string) string {
	switch {
	case p == nil:
		return "it opens under no usual name or audience: it was altered, or sealed under another name, audience or key"
	case p.Ticket != "":
		return fmt.Sprintf("opens as a ticket for %q with audience %q: somebody put a ticket into the cookie", p.Ticket, p.Audience)
	case p.Cookie == name:
		return fmt.Sprintf("opens as the same cookie with audience %q, and the reader has audience %q", p.Audience, audience)
	}
	return fmt.Sprintf("opens as cookie %q with audience %q: it was moved, or the reader has the wrong name", p.Cookie, p.Audience)
}

// envelope are the members of the claims.
var envelope = [...]string{"sid", "iat", "auth_time", "exp", "rnw", "per", "end", "sub", "stk", "stp", "d"}

// unreadable says why authentic claims can't be read. It names only members that we
// have ourselves.
func unreadable(plaintext []byte) string {
	const text = "it is authentic, but its claims aren't ours"
	const newer = ": a newer version wrote it, or another program with the same keys"
	d := json.NewDecoder(bytes.NewReader(plaintext))
	if t, _ := d.Token(); t != json.Delim('{') || !json.Valid(plaintext) {
		return text + ": they aren't one JSON object"
	}
	var have []string
	unknown := 0
	for d.More() {
		name, _ := d.Token() // of valid JSON
		var value json.RawMessage
		d.Decode(&value)
		i := slices.Index(envelope[:], fmt.Sprint(name))
		if i < 0 {
			unknown++
			continue
		}
		if slices.Contains(have, envelope[i]) {
			return text + ": " + envelope[i] + " is there twice"
		}
		have = append(have, envelope[i])
	}
	for _, name := range []string{"sid", "iat", "exp", "rnw"} {
		if !slices.Contains(have, name) {
			return text + ": " + name + " is missing"
		}
	}
	switch {
	case unknown > 0:
		return text + ": members that this version doesn't know: " + strconv.Itoa(unknown) + newer
	case slices.Contains(have, "sub") != slices.Contains(have, "auth_time"):
		return text + ": sub and auth_time come together"
	case slices.Contains(have, "stk") != slices.Contains(have, "stp"):
		return text + ": stk and stp come together"
	case !slices.IsSortedFunc(have, func(a, b string) int { return slices.Index(envelope[:], a) - slices.Index(envelope[:], b) }):
		return text + ": the members are in another order"
	}
	return text + ": a member has a value or a spelling that this version doesn't write" + newer
}

// future says which time is ahead of the clock.
func (w *walk) future(c *claims.Claims) string {
	name, at := "iat (created)", c.Iat
	if c.AuthTime > at {
		name, at = "auth_time (the login)", c.AuthTime
	}
	if c.Rnw > at {
		name, at = "rnw (the last renewal)", c.Rnw
	}
	return fmt.Sprintf("%s is %s, %s after now: a clock is wrong", name, stamp(at), w.apart(at))
}

// started returns the claim that the absolute timeout counts from.
func started(c *claims.Claims) (name string, at int64) {
	if c.AuthTime != 0 && c.AuthTime < c.Iat { // the session was issued anew
		return "auth_time", c.AuthTime
	}
	return "iat", c.Iat
}

// expired says which end came first.
func (w *walk) expired(c *claims.Claims) string {
	idle, absolute := w.profile(c.Per)
	kind := "Absolute"
	idleKind := "Idle"
	if c.Per {
		kind, idleKind = "PersistentAbsolute", "PersistentIdle"
	}
	name, began := started(c)
	type end struct {
		at  int64
		why string
	}
	ends := []end{
		{c.Exp, "exp, the absolute end that was set at login"},
		{began + absolute, fmt.Sprintf("%s and %s of %s, as configured now", name, kind, seconds(absolute))},
		{c.Rnw + idle + 1, fmt.Sprintf("the idle time: the last renewal and %s of %s", idleKind, seconds(idle))},
	}
	if c.End != 0 {
		ends = append(ends, end{c.End, "end, an earlier end set for this session alone (ExpireAt)"})
	}
	first := slices.MinFunc(ends, func(a, b end) int { return int(a.at - b.at) })
	return fmt.Sprintf("ended by %s, at %s, %s ago", first.why, stamp(first.at), w.apart(first.at))
}

// ended finds the entry that names the session.
func (w *walk) ended(c *claims.Claims) string {
	for _, value := range w.barrier {
		for entry := range strings.SplitSeq(value, ".") {
			if len(entry) < 39 { // docs/FORMAT.md: kid, until, MAC
				continue
			}
			kid, until, mac := entry[:7], entry[7:17], entry[17:]
			key, _ := w.Ring.Key(kid)
			h := hmac.New(sha256.New, key.Derive(keyring.Label{Purpose: "barrier", Audience: w.Audience, Name: w.Name}))
			for _, part := range []string{c.SID.String(), until} {
				h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
				h.Write([]byte(part))
			}
			want := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
			if sec, err := strconv.ParseInt(until, 10, 64); err == nil && hmac.Equal([]byte(want), []byte(mac)) {
				return fmt.Sprintf("ended by a logout or a login in this browser: %s-ended names it until %s, under key %s", w.Name, stamp(sec), kid)
			}
		}
	}
	return "ended by a logout or a login in this browser"
}

func stamp(sec int64) string { return unix(sec).Format(time.RFC3339) }

func seconds(n int64) string { return Days(time.Duration(n) * time.Second) }

// Days writes a duration as people say it: 30d, 36h, 1h30m.
func Days(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String() // 12h0m0s
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// apart is how far a time is from now.
func (w *walk) apart(sec int64) string {
	return Days((time.Duration(w.now.Unix()-sec) * time.Second).Abs())
}
