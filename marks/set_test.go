package marks_test

import (
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/marks"
)

const noon = 1_800_000_000

func TestMarksOfEachKind(t *testing.T) {
	now := time.Unix(noon, 0)
	about := func(edit func(*marks.About)) marks.About {
		a := marks.About{
			Session: "session", User: "user", Actor: "actor", Issued: noon - 10, Now: noon,
			Links: [2]marks.Name{marks.NameOf("one"), marks.NameOf("two")},
		}
		if edit != nil {
			edit(&a)
		}
		return a
	}
	for _, tt := range []struct {
		name string
		mark marks.Mark
		edit func(*marks.About)
		want cookie.Reason
	}{
		{"session", marks.Mark{Kind: marks.Session, ID: "session"}, nil, cookie.ReasonRevoked},
		{"session, other", marks.Mark{Kind: marks.Session, ID: "user"}, nil, cookie.ReasonNone},
		{"user", marks.Mark{Kind: marks.User, ID: "user", Before: noon - 9}, nil, cookie.ReasonRevoked},
		{"user, issued then", marks.Mark{Kind: marks.User, ID: "user", Before: noon - 10}, nil, cookie.ReasonNone},
		{"actor", marks.Mark{Kind: marks.User, ID: "actor", Before: noon}, nil, cookie.ReasonRevoked},
		{"first link", marks.Mark{Kind: marks.Link, ID: "one", Before: noon}, nil, cookie.ReasonRevoked},
		{"second link", marks.Mark{Kind: marks.Link, ID: "two", Before: noon}, nil, cookie.ReasonRevoked},
		{"all", marks.Mark{Kind: marks.All, Before: noon}, nil, cookie.ReasonRevoked},
		{"all, issued later", marks.Mark{Kind: marks.All, Before: noon}, func(a *marks.About) { a.Issued = noon }, cookie.ReasonNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := marks.New(marks.Policy{})
			tt.mark.Until = noon + 100
			set.Apply(now, tt.mark)
			if got := set.Judge(about(tt.edit)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if got := set.Judge(about(func(a *marks.About) { a.Now = noon + 100 })); got != cookie.ReasonNone {
				t.Errorf("after its end: %v", got)
			}
		})
	}
}
