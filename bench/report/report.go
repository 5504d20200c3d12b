// Package report holds the results of a benchmark run. It writes them as aligned
// tables for a terminal, as results.json and results.csv for other programs, and as
// SVG charts.
package report

import "github.com/hardtack-go/hardtack/bench/measure"

// A Report has everything that one run measured.
type Report struct {
	Date        string   `json:"date"`
	Quick       bool     `json:"quick"`
	Machine     Machine  `json:"machine"`
	Entries     []Entry  `json:"entries"`
	Tables      []Table  `json:"tables"`
	NotCompared []string `json:"not_compared"`
	Notes       []string `json:"notes"`
}

// Machine says where the run was made. Figures from two machines can't be compared.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
	Node  string `json:"node,omitempty"`
}

// An Entry describes one contestant: its wire size and what it leaves out.
type Entry struct {
	Name     string `json:"name"`
	Encrypts bool   `json:"encrypts"`
	Lacks    string `json:"lacks"`
	Wire     int    `json:"wire_bytes"` // name=value of the session cookie
}

// A Table is one interleaved run: the first row is the base of its ratios.
type Table struct {
	ID    string           `json:"id"` // a word for files
	Title string           `json:"title"`
	Unit  string           `json:"unit"` // of the times: "ns"; or "req/s" where more is better
	Rows  []measure.Result `json:"rows"`
	// X is set in scaling tables. It is the row's place on the axis (bytes, keys,
	// goroutines), which Axis names.
	X    []float64 `json:"x,omitempty"`
	Axis string    `json:"axis,omitempty"`
}

// Entry returns the entry called name, or the zero Entry.
func (r *Report) Entry(name string) Entry {
	for _, e := range r.Entries {
		if e.Name == name {
			return e
		}
	}
	return Entry{Name: name}
}

// Table returns the table with the id, or nil.
func (r *Report) Table(id string) *Table {
	for i := range r.Tables {
		if r.Tables[i].ID == id {
			return &r.Tables[i]
		}
	}
	return nil
}
