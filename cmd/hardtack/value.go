package main

import (
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cmd/hardtack/internal/inspect"
	"github.com/hardtack-go/hardtack/internal/claims"
)

// span is a flag for a duration. Sessions are counted in days, which Go's own syntax
// doesn't have.
type span time.Duration

func (s *span) Set(text string) error {
	days, isDays := strings.CutSuffix(text, "d")
	unit := time.Duration(1)
	if isDays {
		text, unit = days+"h", 24
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	*s = span(d * unit)
	if d <= 0 || time.Duration(*s)/unit != d {
		return errRange
	}
	return nil
}

var errRange = usage("out of range")

func (s *span) String() string { return inspect.Days(time.Duration(*s)) }
func (s *span) Type() string   { return "duration" }
func (s *span) Wanted() string { return "must be a duration, such as 30d, 12h or 45m" }

// moment is a flag for a time: RFC 3339, or a duration from now.
type moment struct {
	t   time.Time
	now func() time.Time
}

func (m *moment) Set(text string) error {
	var ahead span
	if ahead.Set(text) == nil {
		m.t = m.now().Add(time.Duration(ahead))
		return nil
	}
	var err error
	m.t, err = time.Parse(time.RFC3339, text)
	return err
}

func (m *moment) String() string {
	if m.t.IsZero() {
		return ""
	}
	return m.t.Format(time.RFC3339)
}
func (m *moment) Type() string { return "time" }
func (m *moment) Wanted() string {
	return "must be a time such as 2026-12-24T06:00:00Z, or a duration from now such as 36h"
}

// checkKid refuses what can't be a key's id, without repeating it: it may be the key.
func checkKid(id string) error {
	if !claims.ValidKid(id) {
		return usage("KID must be a key's id, 7 base64url characters: hardtack keys list shows them")
	}
	return nil
}

// command is a command line to copy. It quotes what a shell would take apart, and puts
// a kid that begins with - behind --.
func command(name string, args ...string) string {
	words := []string{"hardtack", name}
	for i, arg := range args {
		flagged := i > 0 && strings.HasPrefix(args[i-1], "--")
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && !flagged {
			words = append(words, "--")
		}
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

func quote(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:=@,+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
