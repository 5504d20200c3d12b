// Package next is about the page a visitor wants to go on to: it says whether a
// redirect may lead there, and writes the address of a login page that leads
// back.
package next
