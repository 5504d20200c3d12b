package address_test

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/signin/internal/address"
)

func TestNormal(t *testing.T) {
	long := strings.Repeat("a", 60) + "@" + strings.Repeat("b", 60) + "." + strings.Repeat("c", 60) + "." + strings.Repeat("d", 60) + "."
	for _, row := range []struct{ typed, want string }{
		{"ada@example.com", "ada@example.com"},
		{"  Ada@Example.COM\n", "ada@example.com"},
		{"ada+tag@example.com", "ada+tag@example.com"},
		{"jürgen@müller.example", "jürgen@müller.example"},
		{long + strings.Repeat("e", 254-len(long)), long + strings.Repeat("e", 254-len(long))},
		{long + strings.Repeat("e", 255-len(long)), ""},
		{"", ""},
		{"ada@localhost", "ada@localhost"},
		{"ada@example2.com", "ada@example2.com"},
		{"ada@xn--mller-kva.example", "ada@xn--mller-kva.example"},
		{"ada@" + "नमस्ते.example", "ada@नमस्ते.example"},
		{"ada@[127.0.0.1]", ""},
		{"ada@[IPv6:::1]", ""},
		{"ada@127.0.0.1", ""},
		{"ada@2130706433", ""},
		{"ada@1.example", "ada@1.example"},
		{"ada@example.1st", "ada@example.1st"},
		{"ada@example.com/", ""},
		{"ada@example。com", ""},
		{"a\u200bda@example.com", ""},
		{"ada@exa\u202emple.com", ""},
		{"ada", ""},
		{"ada@", ""},
		{"@example.com", ""},
		{"Ada <ada@example.com>", ""},
		{"<ada@example.com>", ""},
		{"ada@example.com, bob@example.com", ""},
		{"ada@example.com (Ada)", ""},
		{"ada@example.com\r\nBcc: bob@example.com", ""},
		{"ada@example.com\x00", ""},
		{"ada\xff@example.com", ""},
		// CVE-2025-59937: what follows the address became a parameter of RCPT TO.
		{"ada@example.com> ORCPT=rfc822;bob@example.com", ""},
		{`"ada@example.com> ORCPT=x"@example.com`, ""},
		{`"ada lovelace"@example.com`, ""},
		// An encoded word, which some programs decode before they look for the @.
		{"=?utf-8?q?eve=40evil.example=3e=20?=@example.com", ""},
		{"x=?utf-8?b?zxzlqgv2awwuzxhhbxbszq?=@example.com", ""},
		{"srs0=ab=cd=evil.example=ada@example.com", "srs0=ab=cd=evil.example=ada@example.com"},
		{"who?@example.com", "who?@example.com"},
		// Routes, which some mail servers follow to eve@evil.example.
		{"eve%evil.example@example.com", ""},
		{"evil.example!eve@example.com", ""},
		// These would become ASCII in small letters, and so another address.
		{"\u212aate@example.com", ""},
		{"\u0130da@example.com", ""},
		// CVE-2026-73420: these were an @ after a normalisation.
		{"eve\uff20evil.example@example.com", ""},
		{"eve\ufe6bevil.example@example.com", ""},
	} {
		if got := address.Normal(row.typed); got != row.want {
			t.Errorf("Normal(%q) = %q, want %q", row.typed, got, row.want)
		}
	}
}

// FuzzNormal: what Normal returns has one spelling, and nothing that a header or an SMTP
// command could take for something else.
func FuzzNormal(f *testing.F) {
	for _, s := range []string{"ada@example.com", " Ada@Example.COM\n", "jürgen@müller.example", "İ@example.com", "ada@example.com> ORCPT=x", `"a b"@example.com`, "a\xff@example.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		s := address.Normal(typed)
		if s == "" {
			return
		}
		if again := address.Normal(s); again != s {
			t.Errorf("Normal(%q) = %q, and of that %q", typed, s, again)
		}
		if len(s) > address.MaxLength || strings.ContainsAny(s, " \t\r\n<>,;:\"\\()[]%!") || strings.Count(s, "@") != 1 {
			t.Errorf("Normal(%q) = %q", typed, s)
		}
		if parsed, err := mail.ParseAddress(s); err != nil || parsed.Name != "" || parsed.Address != s {
			t.Errorf("Normal(%q) = %q, which is read as %v, %v", typed, s, parsed, err)
		}
	})
}
