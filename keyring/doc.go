// Package keyring holds root keys: one primary that seals, fallbacks that only open.
package keyring
