package fleet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/enginetest"
	"github.com/hardtack-go/hardtack/marks"
)

// TestN24_KickOfASessionIssuedAhead: whoever logs out the others again and again, so that
// their own session is issued ever further ahead, is kicked all the same.
func TestN24_KickOfASessionIssuedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrapper, err := fleet.Secret([]byte("thirty-two bytes that are a secret"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := fleet.New(fleet.Config{Engine: new(enginetest.Memory).Open(), Wrapper: wrapper, Application: "test"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { f.Run(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		<-f.Ready()

		now := time.Now().Unix()
		end := func(m marks.Mark) {
			t.Helper()
			if err := f.End(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		lives := func(user string, issued int64) bool {
			return f.Marks().Judge(marks.About{Session: "s", User: user, Issued: issued, Now: now}) == cookie.ReasonNone
		}
		for _, ahead := range []int64{1, 2, 20, 59} { // 59 is the furthest that Reissue goes
			end(marks.Mark{Kind: marks.User, ID: "1", Before: now + ahead})
			if !lives("1", now+ahead) {
				t.Fatalf("a session issued %d s ahead is over before the kick", ahead)
			}
			end(marks.Mark{Kind: marks.User, ID: "1"})
			if lives("1", now+ahead) {
				t.Errorf("a session issued %d s ahead outlives the kick", ahead)
			}
			if after := f.Marks().NotBefore("1"); !lives("1", after) || after > now+60 {
				t.Errorf("a login is issued %d s ahead, and lives: %v", after-now, lives("1", after))
			}
		}
		// Others aren't concerned.
		end(marks.Mark{Kind: marks.User, ID: "2"})
		if !lives("2", now+1) {
			t.Error("a kick of somebody else is ahead, too")
		}
	})
}
