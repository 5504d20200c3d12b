package ssestore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/ssestore"
)

// attributes of a Set-Cookie line, sorted, without name and value.
func attributes(line string) string {
	parts := strings.Split(line, "; ")[1:]
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// The attributes of the session cookie's line in the cookie matrix, S8.1 to S8.7.
const (
	persistLine  = "Expires=Tue, 28 Nov 2023 22:13:20 GMT; HttpOnly; Max-Age=1209600; Path=/; SameSite=Lax"
	sessionLine  = "HttpOnly; Path=/; SameSite=Lax"
	fiveMinLine  = "Expires=Tue, 14 Nov 2023 22:18:20 GMT; HttpOnly; Max-Age=300; Path=/; SameSite=Lax"
	deletionLine = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; Path=/; SameSite=Lax"
)

// matrixRow is one request at t0 over plain HTTP with a persistent profile of 14 days.
type matrixRow struct {
	name   string
	cookie bool // a session with note "a" came with the request
	status int
	do     func(s *ssestore.Session)
	want   string // attributes of the session cookie's line; "" for no line
	vary   bool
	note   string // afterwards
}

func overwrite(s *ssestore.Session) { note.Set(s, "b") }

func matrix(t *testing.T, rows []matrixRow) {
	const name = "sessionid"
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie = cookie.Config{Name: name, DangerouslyAllowHTTP: true}
			c.PersistentAbsolute = 14 * day
			c.DangerouslySkipBarrier = true // its own tests are in barrier_test.go
		})
		for _, row := range rows {
			t.Run(row.name, func(t *testing.T) {
				b := browser{}
				if row.cookie {
					b.visit(t, store, t0, func(s *ssestore.Session) { s.Remember(true); note.Set(s, "a") })
				}
				out := b.visitStatus(t, store, t0, row.status, func(s *ssestore.Session) {
					if !row.cookie {
						s.Remember(true)
					}
					if row.do != nil {
						row.do(s)
					}
				})
				deleted := row.want == deletionLine
				if row.want == "" {
					silent(t, out)
				} else if len(out.SetCookie) != 1 {
					t.Fatalf("Set-Cookie: %q", out.SetCookie)
				} else {
					same(t, "attributes", attributes(out.SetCookie[0]), row.want)
					same(t, "empty value", strings.HasPrefix(out.SetCookie[0], name+"=;"), deleted)
				}
				same(t, "Vary", out.Vary, row.vary)
				same(t, "Deleted", out.Deleted, deleted)
				same(t, "Private", out.Private, row.want != "")
				h := map[string][]string{}
				out.Merge(h)
				same(t, "Vary header", strings.Join(h["Vary"], "|"), map[bool]string{true: "Cookie"}[row.vary])
				s := b.peek(store, t0)
				same(t, "note afterwards", note.Get(s), row.note)
				if row.name == "clear, then write" {
					same(t, "names", strings.Join(s.Names(), " "), "count")
				}
			})
		}
	})
}

func TestS8_1_Write(t *testing.T) {
	matrix(t, []matrixRow{
		{"write", false, 200, overwrite, persistLine, true, "b"},
		{"write over", true, 200, overwrite, persistLine, true, "b"},
	})
}

func TestS8_2_Read(t *testing.T) {
	matrix(t, []matrixRow{
		{"read only", true, 200, read, "", true, "a"},
		{"read only, no cookie", false, 200, read, "", true, ""},
		{"touch nothing", true, 200, nil, "", false, "a"},
		{"touch nothing, no cookie", false, 200, nil, "", false, ""},
	})
}

func TestS8_3_Clear(t *testing.T) {
	matrix(t, []matrixRow{
		{"clear", true, 200, func(s *ssestore.Session) { s.Clear() }, deletionLine, true, ""},
		{"logout", true, 200, func(s *ssestore.Session) { s.Principal().End() }, deletionLine, true, ""},
		{"clear, no cookie", false, 200, func(s *ssestore.Session) { s.Clear() }, "", true, ""},
		{"logout, no cookie", false, 200, func(s *ssestore.Session) { s.Principal().End() }, "", true, ""},
		{"write, then clear", true, 200, func(s *ssestore.Session) { overwrite(s); s.Clear() }, deletionLine, true, ""},
	})
}

func TestS8_4_ClearThenWrite(t *testing.T) {
	matrix(t, []matrixRow{
		{"clear, then write", true, 200, func(s *ssestore.Session) { s.Clear(); count.Set(s, 1); s.Remember(true) }, persistLine, true, ""},
	})
}

func TestS8_5_Status(t *testing.T) {
	matrix(t, []matrixRow{
		{"write and 500", true, 500, overwrite, "", true, "a"},
		{"write and 503", true, 503, overwrite, "", true, "a"},
		{"write and 599", true, 599, overwrite, "", true, "a"},
		{"write and 404", true, 404, overwrite, persistLine, true, "b"},
		{"write and 499", true, 499, overwrite, persistLine, true, "b"},
		{"write and 304", true, 304, overwrite, persistLine, true, "b"},
		{"write and 101", true, 101, overwrite, persistLine, true, "b"},
		{"write and no status", true, 0, overwrite, persistLine, true, "b"},
		{"clear and 500", true, 500, func(s *ssestore.Session) { s.Clear() }, deletionLine, true, ""},
		{"logout and 503", true, 503, func(s *ssestore.Session) { s.Principal().End() }, deletionLine, true, ""},
		{"clear, write and 500", true, 500, func(s *ssestore.Session) { s.Clear(); overwrite(s) }, deletionLine, true, ""},
		{"logout, write and 500", true, 500, func(s *ssestore.Session) { s.Principal().End(); overwrite(s) }, deletionLine, true, ""},
	})
}

func TestS8_6_Persistence(t *testing.T) {
	matrix(t, []matrixRow{
		{"browser session", true, 200, func(s *ssestore.Session) { s.Remember(false); overwrite(s) }, sessionLine, true, "b"},
		{"override 300 s", true, 200, func(s *ssestore.Session) { s.ExpireAt(after(300 * time.Second)) }, fiveMinLine, true, "a"},
	})
}

func TestS8_7_Emptied(t *testing.T) {
	matrix(t, []matrixRow{
		{"emptied", true, 200, func(s *ssestore.Session) { note.Delete(s) }, deletionLine, true, ""},
		{"emptied by pop", true, 200, func(s *ssestore.Session) { note.Pop(s) }, deletionLine, true, ""},
		{"emptied and 500", true, 500, func(s *ssestore.Session) { note.Delete(s) }, "", true, "a"},
		{"emptied, no cookie", false, 200, func(s *ssestore.Session) { overwrite(s); note.Delete(s) }, "", true, ""},
	})
}

// TestS8_9_DeletionAttributes: a deletion repeats what the set had, or it deletes
// nothing.
func TestS8_9_DeletionAttributes(t *testing.T) {
	each(t, func(t *testing.T, c codec) {
		store := newStore(t, c, ring(t, 1), func(c *ssestore.Config) {
			c.Cookie = cookie.Config{Name: "__Secure-s", Domain: "example.com", Path: "/app", SameSite: cookie.SameSiteNone, Partitioned: true}
		})
		b := browser{}
		out := b.visit(t, store, t0, set(t, "a"))
		same(t, "set", attributes(lineOf(out, "__Secure-s")), "Domain=example.com; HttpOnly; Partitioned; Path=/app; SameSite=None; Secure")
		out = b.visit(t, store, t0, func(s *ssestore.Session) { must(t, s.Clear()) })
		same(t, "deletion", attributes(lineOf(out, "__Secure-s")),
			"Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; Partitioned; Path=/app; SameSite=None; Secure")
		same(t, "names of the lines", len(out.SetCookie), 2)
		same(t, "barrier", strings.HasPrefix(lineOf(out, "__Secure-s-ended"), "__Secure-s-ended="), true)
	})
}

// TestS8_8_BadCookie: anonymous in all cases; deleted where the verdict says that
// nobody can read it, the session was accessed, and unsolicited writes are on.
func TestS8_8_BadCookie(t *testing.T) {
	tamper := func(i int) func(v string) string {
		return func(v string) string {
			i := i
			if i < 0 {
				i += len(v)
			}
			c := byte('A')
			if v[i] == 'A' {
				c = 'B'
			}
			return v[:i] + string(c) + v[i+1:]
		}
	}
	id := func(v string) string { return v }
	rows := []struct {
		name    string
		change  func(v string) string
		now     time.Time
		keys    []int
		want    cookie.Reason
		deleted bool
		kids    bool // only for formats that name their key
	}{
		{"tampered in the ciphertext", tamper(90), t0, []int{1}, cookie.ReasonBadTag, true, true},
		{"tampered in the tag", tamper(-10), t0, []int{1}, cookie.ReasonBadTag, true, true},
		{"truncated", func(v string) string { return v[:len(v)-3] }, t0, []int{1}, cookie.ReasonMalformed, true, true},
		{"a tag of 12 bytes", func(v string) string { return v[:len(v)-6] }, t0, []int{1}, cookie.ReasonMalformed, true, true},
		{"something appended", func(v string) string { return v + "AAAA" }, t0, []int{1}, cookie.ReasonMalformed, true, true},
		{"expired", id, after(31 * time.Minute), []int{1}, cookie.ReasonExpired, true, false},
		{"from the future", id, after(-61 * time.Second), []int{1}, cookie.ReasonFuture, false, false},
		{"unknown key", id, t0, []int{2}, cookie.ReasonUnknownKey, false, false},
		{"foreign", func(string) string { return "another" }, t0, []int{1}, cookie.ReasonForeign, false, false},
		{"empty", func(string) string { return "" }, t0, []int{1}, cookie.ReasonForeign, false, false},
		{"tampered, no kid", tamper(90), t0, []int{1}, cookie.ReasonUnknownKey, false, false},
	}
	each(t, func(t *testing.T, c codec) {
		for _, row := range rows {
			if row.kids && !c.kids || row.name == "tampered, no kid" && c.kids {
				continue
			}
			t.Run(row.name, func(t *testing.T) {
				b := visited(t, newStore(t, c, ring(t, 1)), set(t, "a"))
				b[sessionName] = row.change(b[sessionName])
				store := newStore(t, c, ring(t, row.keys...))
				for _, limit := range []ssestore.Writes{ssestore.WritesAll, ssestore.WritesRenewOnly, ssestore.WritesNone} {
					for _, status := range []int{200, 304, 404, 500} {
						for _, access := range []bool{true, false} {
							out := b.copy().visitStatus(t, store, row.now, status, func(s *ssestore.Session) {
								s.Limit(limit)
								if access {
									same(t, "note", note.Get(s), "")
									same(t, "identity", s.Principal().Identity().ID, "")
								}
							})
							want := "nothing"
							if row.deleted && access && limit == ssestore.WritesAll && (status == 200 || status == 404) {
								want = "deleted"
							}
							if got := did(out); got != want {
								t.Errorf("limit %d, status %d, accessed %v: %s, want %s", limit, status, access, got, want)
							}
							same(t, "verdict", out.Refused, row.want)
							same(t, "Vary", out.Vary, access)
						}
					}
				}
				// What the user asks for happens whatever the cookie was.
				out := b.copy().visit(t, store, row.now, set(t, "b"))
				same(t, "a write", did(out), "written")
				out = b.copy().visit(t, store, row.now, func(s *ssestore.Session) { must(t, s.Principal().End()) })
				same(t, "a logout", did(out), "deleted")
				// An empty change is none: it does not delete what others may read.
				out = b.copy().visit(t, store, row.now, func(s *ssestore.Session) {
					must(t, note.Set(s, "x"))
					must(t, note.Delete(s))
				})
				same(t, "set and deleted", did(out), map[bool]string{true: "deleted", false: "nothing"}[row.deleted])
			})
		}
	})
}
