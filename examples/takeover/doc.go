// Package takeover has tests and no code. They take over sessions that the libraries of
// other systems made, which npm ci installs in this directory. Without Node or
// node_modules they are skipped, or fail if HARDTACK_CI=1.
package takeover
