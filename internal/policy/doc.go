// Package policy has tests and no code. The tests enforce the rules of this
// repository that no compiler enforces: which package may import which, what is
// allowed at package level, which names are exported, and what the README and the
// other pages promise. They read the sources of all modules and ask the go command.
package policy
