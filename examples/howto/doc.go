// Package howto has the tests that run the recipes of docs/HOWTO.md. There is nothing
// to import.
package howto
