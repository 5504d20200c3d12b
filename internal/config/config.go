// Package config reports what is wrong with a configuration. Error is the
// ConfigError of every Hardtack package that has a Config. A single errors.As
// target therefore matches the faults that a store finds in its own Config and
// those that the cookie below it finds.
package config

import "errors"

// An Error names a field of a Config and the rule it broke. It never repeats the
// value, which may be a secret.
type Error struct{ Package, Field, Rule string }

func (e *Error) Error() string { return e.Package + ": " + e.Field + ": " + e.Rule }

// Faults collects everything that is wrong with one configuration, so that a
// constructor reports it all at once.
type Faults struct {
	Package string // whose Config it is
	errs    []error
}

// Add notes that a field broke a rule. It isn't inlined because constructors call it
// forty times, and in WebAssembly each copy is 300 bytes.
//
//go:noinline
func (f *Faults) Add(field, rule string) { f.errs = append(f.errs, &Error{f.Package, field, rule}) }

// Join adds an error that comes from elsewhere. It ignores nil.
func (f *Faults) Join(err error) {
	if err != nil {
		f.errs = append(f.errs, err)
	}
}

// Err returns all faults, joined in the order they were found, or nil if there
// are none.
func (f *Faults) Err() error { return errors.Join(f.errs...) }
