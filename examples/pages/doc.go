// Package pages has the tests that run what the pages show: every block of code of every
// page, in whatever language, and the commands in the text. There is nothing to import.
//
// A block in a language that no test knows is a failure. Add the language to the table in
// pages_test.go, with a test that would notice if the block were wrong.
package pages
