package sqlkv

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
)

// A position is what a call of Watch has told.
type position struct {
	swapped map[string]uint64 // the revisions of what was swapped
	// mark is a point in the history of what was appended: everything that was there
	// then has been told. Only the statements of the dialect understand it.
	mark string
	// server is another one when the server has started again, or when somebody else
	// took its place.
	server string
}

// A row is what was swapped or appended.
type row struct {
	at, name string // where it stands among what was appended
	value    []byte
	rev      uint64
}

// Watch implements [fleet.Engine]. Called again after a failure it goes on where it was.
func (k *KV) Watch(ctx context.Context, f func(fleet.Event)) error {
	p := k.enter()
	defer k.leave(p)
	for synced := false; ; {
		if err := k.poll(ctx, p, f); err != nil {
			if ctx.Err() != nil {
				return ctx.Err() // some drivers have words of their own for it
			}
			return fmt.Errorf("sqlkv: can't read: %w", err)
		}
		if !synced {
			synced = true
			f(fleet.Event{Synced: true})
		}
		wait := time.NewTimer(k.interval*3/4 + rand.N(k.interval/2))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

// enter returns where a call of Watch begins: where the last one left off, if no others
// ran beside it. What another one was told can't be left out.
func (k *KV) enter() *position {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.left
	k.left = nil
	k.running++
	k.beside = k.beside || k.running > 1
	if p == nil {
		p = &position{swapped: map[string]uint64{}, mark: k.sql.start}
	}
	return p
}

func (k *KV) leave(p *position) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running--
	if !k.beside {
		k.left = p
	}
	k.beside = k.beside && k.running > 0
}

// poll tells what is new since p, and moves p on.
func (k *KV) poll(ctx context.Context, p *position, f func(fleet.Event)) error {
	swapped, now, err := k.swapped(ctx)
	if err != nil {
		return err
	}
	if now.server != p.server && p.server != "" {
		// It may be a replica that hadn't got everything, or an old copy. What is told
		// is what is there now.
		clear(p.swapped)
		p.mark = k.sql.start
	}
	p.server = now.server
	for _, r := range swapped {
		if p.swapped[r.name] == r.rev {
			continue // else it is newer, or older, if the table was restored
		}
		if err := tell(ctx, f, r); err != nil {
			return err
		}
		p.swapped[r.name] = r.rev
	}
	var last row
	for {
		rows, err := k.appended(ctx, p.mark, last)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := tell(ctx, f, r); err != nil {
				return err
			}
		}
		if len(rows) < page {
			break
		}
		last = rows[len(rows)-1]
	}
	p.mark = now.mark
	return nil
}

// tell calls f while no statement is open, so that f may take its time, and may use the
// only connection.
func tell(ctx context.Context, f func(fleet.Event), r row) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f(fleet.Event{Name: r.name, Value: r.value, Revision: r.rev})
	return nil
}

// swapped reads everything that was swapped, of which there is little, and what the mark
// and the server are now.
func (k *KV) swapped(ctx context.Context) (all []row, now position, err error) {
	err = k.read(ctx, k.sql.swapped, func(rows *sql.Rows) error {
		var name, mark, server sql.NullString
		var value []byte
		var rev sql.NullInt64
		if err := rows.Scan(&name, &value, &rev, &mark, &server); err != nil {
			return err
		}
		if name.Valid {
			all = append(all, row{name: name.String, value: value, rev: uint64(rev.Int64)})
		} else {
			now.mark, now.server = mark.String, server.String
		}
		return nil
	})
	if err == nil && now.mark == "" {
		err = sql.ErrNoRows
	}
	return all, now, err
}

// appended reads a page of what was appended since a mark.
func (k *KV) appended(ctx context.Context, mark string, after row) (all []row, err error) {
	at := after.at
	if at == "" {
		at = "0"
	}
	err = k.read(ctx, k.sql.appended, func(rows *sql.Rows) error {
		var r row
		if err := rows.Scan(&r.at, &r.name, &r.value); err != nil {
			return err
		}
		all = append(all, r)
		return nil
	}, mark, at, after.name)
	return all, err
}

// read calls scan for each row of a query.
func (k *KV) read(ctx context.Context, query string, scan func(*sql.Rows) error, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, err := k.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return rows.Close()
}
