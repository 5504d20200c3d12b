package main

import (
	"context"
	"time"

	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// together is what all processes of the application have in common, besides the
// database: the keys, and the marks that end sessions before their time. A
// *fleet.Fleet is one. alone is one for a single process.
type together interface {
	keyring.Source
	End(ctx context.Context, m marks.Mark) error // auth.Config.Ender
	Marks() *marks.Set
	// Change replaces the keyring by what change makes of it, in every process.
	Change(ctx context.Context, change func(*keyring.Keyring) (*keyring.Keyring, error)) error
}

// alone has the keys in a file. It has the marks in memory, where the store asks about
// each session, and keeps them in the database for the next start. Several processes
// can share the file and the database, but each hears of marks only when it starts.
type alone struct {
	*keyring.File
	users *users
	marks *marks.Set
	now   func() time.Time
}

// openAlone opens the key file and reads the marks of earlier runs.
func openAlone(ctx context.Context, path string, t *users, now func() time.Time, fault func(error)) (*alone, error) {
	file, err := keyring.OpenOrCreateFile(path, fault)
	if err != nil {
		return nil, err
	}
	a := &alone{file, t, marks.New(marks.Policy{}), now}
	kept, err := t.Marks(ctx, now())
	a.marks.Apply(now(), kept...)
	return a, err
}

func (a *alone) Marks() *marks.Set { return a.marks }

func (a *alone) Change(_ context.Context, change func(*keyring.Keyring) (*keyring.Keyring, error)) error {
	return a.Update(change)
}

// longest is how long a session can live: the store's default for remembered ones.
const longest = ssestore.DefaultPersistentAbsolute

// End puts a mark into effect at once. An error says that the next start may not know
// of it.
func (a *alone) End(ctx context.Context, m marks.Mark) error {
	now := a.now()
	if m.Kind != marks.Session && m.Before == 0 {
		// Sessions of this very second end too, and that which was kept when its user
		// logged out the others a moment ago.
		m.Before = max(now.Unix(), a.marks.NotBefore(m.ID)) + 1
	}
	if m.Until == 0 {
		m.Until = now.Add(longest).Unix()
	}
	a.marks.Apply(now, m)
	return a.users.KeepMark(ctx, m)
}

// Marks returns the marks that aren't over, and forgets the others.
func (t *users) Marks(ctx context.Context, now time.Time) (all []marks.Mark, err error) {
	if _, err := t.db.ExecContext(ctx, `DELETE FROM marks WHERE until <= ?`, now.Unix()); err != nil {
		return nil, err
	}
	rows, err := t.db.QueryContext(ctx, `SELECT kind, id, issued_before, until FROM marks`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var m marks.Mark
		if err := rows.Scan(&m.Kind, &m.ID, &m.Before, &m.Until); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// KeepMark keeps a mark for the next start.
func (t *users) KeepMark(ctx context.Context, m marks.Mark) error {
	_, err := t.db.ExecContext(ctx, `INSERT INTO marks (kind, id, issued_before, until) VALUES (?, ?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET issued_before = max(issued_before, excluded.issued_before), until = max(until, excluded.until)`,
		m.Kind, m.ID, m.Before, m.Until)
	return err
}
