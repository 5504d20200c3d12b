package marks

// A Table is a table, for a test that chooses hashes.
type Table struct{ t *table }

// NewTable returns a table for n entries.
func NewTable(n int) Table { return Table{newTable(n)} }

// Put adds an entry, in a new table if this one is full.
func (t *Table) Put(key uint64, before, until int64) {
	if t.t.full() {
		t.t = t.t.rebuilt(until - 1)
	}
	t.t.put(key, span{before, until})
}

// Get looks an entry up.
func (t *Table) Get(key uint64) (before, until int64, ok bool) {
	s, ok := t.t.get(key)
	return s.before, s.until, ok
}
