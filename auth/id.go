package auth

import (
	"context"
	"strconv"
)

// Int64 makes a [Config.UserByID] for users whose ids are integers:
//
//	UserByID: auth.Int64(db.UserByID),
//	ID:       func(u *User) string { return strconv.FormatInt(u.ID, 10) },
//
// load returns what UserByID returns. It isn't called for a text that
// [strconv.FormatInt] wouldn't write, such as "+7" or "007": the answer is [ErrBadID],
// and the session of such an id is cleared.
func Int64[U any](load func(ctx context.Context, id int64) (U, error)) func(ctx context.Context, id string) (U, error) {
	if load == nil {
		return nil // which New reports
	}
	return func(ctx context.Context, id string) (U, error) {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != id {
			var zero U
			return zero, ErrBadID
		}
		return load(ctx, n)
	}
}
