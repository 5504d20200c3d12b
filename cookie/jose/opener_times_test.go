package jose_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
)

func TestOpener_Issued(t *testing.T) {
	header := func(members string) string { return `{"alg":"dir","enc":"A256GCM"` + members + `}` }
	for _, row := range []struct {
		header, claims string
		want           int64 // 0: unknown
	}{
		{header(""), `{"iat":1700000000}`, 1700000000},
		{header(""), `{"iat":1700000000.75}`, 1700000000},
		{header(""), `{"iat": 253402300799 }`, 253402300799}, // far ahead: the store judges
		{header(`,"iat":1600000000`), `{"iat":1700000000}`, 1700000000},
		{header(`,"iat":1600000000`), `{"sub":"42"}`, 1600000000},
		{header(`,"uat":1700000000,"iat":1600000000`), `{}`, 1600000000},
		{header(""), `{"internal":{"sid":"x","createdAt":1700000000}}`, 1700000000},
		{header(""), `{"iat":1600000000,"internal":{"createdAt":1700000000}}`, 1600000000},
		{header(""), `{"internal":{"createdAt":"yesterday"}}`, 0},
		{header(""), `{"internal":{"createdAt":1,"createdAt":2}}`, 0},
		{header(""), `{"internal":"use only"}`, 0},
		{header(""), `{"IAT":1700000000,"Iat":1}`, 0}, // other claims, by other names
		{header(""), `{}`, 0},
	} {
		opened, err := opener(t, key32).Open(nil, forge(key32, row.header, row.claims).String())
		if err != nil {
			t.Errorf("%s %s: %v", row.header, row.claims, err)
			continue
		}
		if row.want == 0 && !opened.Issued.IsZero() || row.want != 0 && opened.Issued.Unix() != row.want {
			t.Errorf("%s %s: issued %v, want %v", row.header, row.claims, opened.Issued, row.want)
		}
	}
}

// exp and nbf, in the claims and in the header, at their edges.
func TestOpener_Times(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for _, row := range []struct {
			name  string
			value int64
			want  cookie.Reason
		}{
			{"exp", now - 1, cookie.ReasonExpired},
			{"exp", now, cookie.ReasonExpired},
			{"exp", now + 1, cookie.ReasonNone},
			{"nbf", now, cookie.ReasonNone},
			{"nbf", now + 60, cookie.ReasonNone},
			{"nbf", now + 61, cookie.ReasonFuture},
		} {
			member := fmt.Sprintf(`%q:%d`, row.name, row.value)
			for what, token := range map[string]segments{
				"claim":  forge(key32, gcmHeader, `{`+member+`}`),
				"header": forge(key32, strings.TrimSuffix(gcmHeader, "}")+","+member+"}", `{}`),
				// What the other place says does not help.
				"both": forge(key32, strings.TrimSuffix(gcmHeader, "}")+`,"exp":253402300799,"nbf":1}`, `{`+member+`}`),
			} {
				if row.want != cookie.ReasonNone {
					refused(t, opener(t, key32), nil, token.String(), row.want)
				} else if _, err := opener(t, key32).Open(nil, token.String()); err != nil {
					t.Errorf("%s %s: %v", what, member, err)
				}
			}
		}
	})
}
