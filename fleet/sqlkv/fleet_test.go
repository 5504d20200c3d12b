package sqlkv_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/sqlkv"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
)

// fleets starts n instances on one table at once, each with a pool of its own.
func fleets(t *testing.T, d database, n int) (all []*fleet.Fleet) {
	t.Helper()
	wrapper, err := fleet.Secret(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range n {
		f, err := fleet.New(fleet.Config{Engine: d.engine(t, d.open(t)), Wrapper: wrapper, Application: "shop",
			Beat: 200 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	for _, f := range all {
		go func() { ended <- f.Run(ctx) }()
	}
	t.Cleanup(func() {
		cancel()
		for range n {
			<-ended
		}
	})
	for i, f := range all {
		select {
		case <-f.Ready():
		case <-time.After(2 * time.Minute):
			t.Fatalf("instance %d isn't ready: %+v", i, f.Status())
		}
	}
	return all
}

// until waits until something holds of every instance.
func until(t *testing.T, all []*fleet.Fleet, what string, holds func(*fleet.Fleet) bool) {
	t.Helper()
	began := time.Now()
	for i, f := range all {
		for !holds(f) {
			if time.Since(began) > 2*time.Minute {
				t.Fatalf("instance %d: %s doesn't come: %+v", i, what, f.Status())
			}
			<-time.After(10 * time.Millisecond)
		}
	}
}

// kids returns the ids of an instance's keys, in order.
func kids(f *fleet.Fleet) string {
	s := ""
	for _, k := range f.At(time.Now()).Keys() {
		s += k.ID() + " "
	}
	return s
}

func judge(f *fleet.Fleet, session, user string) cookie.Reason {
	now := time.Now().Unix()
	return f.Marks().Judge(marks.About{Session: session, User: user, Issued: now - 10, Now: now})
}

// TestY57_TwelveInstances: they start on an empty table at once, make one ring, and hear
// what one of them does.
func TestY57_TwelveInstances(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		all := fleets(t, d, 12)
		one := kids(all[0])
		if len(strings.Fields(one)) != 1 {
			t.Errorf("the keys are %s", one)
		}
		until(t, all, "the one ring", func(f *fleet.Fleet) bool { return kids(f) == one })
		db := d.open(t)
		if n := d.count(t, db, "until IS NULL AND name <> 'beat'"); n != 1 {
			t.Errorf("%d values were swapped beside the beat, want one ring", n)
		}
		if err := all[3].Change(t.Context(), (*keyring.Keyring).Rotate); err != nil {
			t.Fatal(err)
		}
		two := kids(all[3])
		until(t, all, "the next ring", func(f *fleet.Fleet) bool { return kids(f) == two })
		if err := all[7].End(t.Context(), marks.Mark{Kind: marks.Session, ID: "session-1"}); err != nil {
			t.Fatal(err)
		}
		until(t, all, "the mark", func(f *fleet.Fleet) bool { return judge(f, "session-1", "") == cookie.ReasonRevoked })
		for i, f := range all {
			if r := judge(f, "session-2", "ada"); r != cookie.ReasonNone {
				t.Errorf("instance %d refuses another session (%v)", i, r)
			}
		}
	})
}

// TestY56_NothingInTheTable searches what is stored for keys, and for whom marks are
// about.
func TestY56_NothingInTheTable(t *testing.T) {
	both(t, func(t *testing.T, open func(*testing.T) database) {
		d := open(t)
		f := fleets(t, d, 1)[0]
		ids := []string{"AAECAwQFBgcICQoLDA0ODw", "ada@example.com", "sid:https://id.example#08a5d2"}
		var secrets [][]byte
		for _, id := range ids {
			for _, kind := range []marks.Kind{marks.Session, marks.User, marks.Link} {
				if err := f.End(t.Context(), marks.Mark{Kind: kind, ID: id}); err != nil {
					t.Fatal(err)
				}
				for _, input := range []string{id, string(rune(kind)) + id} {
					sum := sha256.Sum256([]byte(input))
					secrets = append(secrets, []byte(input)[len(input)-len(id):], sum[:8], sum[:16], sum[:])
				}
			}
		}
		if err := f.Change(t.Context(), (*keyring.Keyring).Rotate); err != nil {
			t.Fatal(err)
		}
		var set struct{ Keys []struct{ K string } }
		if err := json.Unmarshal(f.At(time.Now()).JWKSet(), &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			root, err := base64.RawURLEncoding.DecodeString(k.K)
			if err != nil || len(root) < 16 {
				t.Fatalf("a key of %d bytes: %v", len(root), err)
			}
			secrets = append(secrets, root)
		}
		db := d.open(t)
		found := func() (all []string) {
			text := stored(t, d, db)
			for i, secret := range secrets {
				for form, s := range map[string]string{
					"raw": string(secret), "hex": hex.EncodeToString(secret), "HEX": strings.ToUpper(hex.EncodeToString(secret)),
					"base64": strings.TrimRight(base64.StdEncoding.EncodeToString(secret), "="), "base64url": base64.RawURLEncoding.EncodeToString(secret),
				} {
					if bytes.Contains(text, []byte(s)) {
						all = append(all, fmt.Sprintf("secret %d as %s", i, form))
					}
				}
			}
			return all
		}
		if all := found(); len(all) > 0 {
			t.Errorf("the table holds %v", all)
		}
		// The search finds what is there.
		sum := sha256.Sum256([]byte(ids[0]))
		k := d.engine(t, db)
		if err := k.Append(t.Context(), "m."+hex.EncodeToString(sum[:8]), append([]byte("x"), secrets[len(secrets)-1]...), time.Hour); err != nil {
			t.Fatal(err)
		}
		if n := len(found()); n < 2 {
			t.Errorf("%d of two secrets are found that were put there", n)
		}
	})
}

// stored returns all there is: the rows, what is inside of their base64, and for SQLite
// the files, too.
func stored(t *testing.T, d database, db *sql.DB) (text []byte) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT name, value FROM "+d.table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			t.Fatal(err)
		}
		n++
		text = append(append(append(append(text, name...), ' '), value...), ' ')
		for _, part := range bytes.Split(value, []byte(".")) {
			if b, err := base64.RawURLEncoding.DecodeString(string(part)); err == nil {
				text = append(append(text, b...), ' ')
			}
		}
	}
	if err := rows.Err(); err != nil || n < 9 {
		t.Fatalf("%d rows: %v", n, err)
	}
	if d.dialect == sqlkv.SQLite {
		file, _, _ := strings.Cut(strings.TrimPrefix(d.source, "file:"), "?")
		files, err := filepath.Glob(file + "*")
		if err != nil || len(files) == 0 {
			t.Fatalf("%v: %v", files, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, b...)
		}
	}
	return text
}
