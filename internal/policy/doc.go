// Package policy holds tests and no code. They hold the rules of this repository
// that no compiler holds: which package may import which, what may stand at
// package level, which names are exported, what the README and the other pages
// promise. They read the sources of all modules and ask the go command.
package policy
