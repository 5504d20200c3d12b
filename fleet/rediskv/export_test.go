package rediskv

import "time"

// Revision, ID and Before are what becomes of the ids of entries.
func Revision(id string) (uint64, error)                { return revision(id) }
func ID(rev uint64) string                              { return id(rev) }
func Before(id string, d time.Duration) (string, error) { return before(id, d) }
