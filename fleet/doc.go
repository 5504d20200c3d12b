// Package fleet keeps the instances of an application together: their keys rotate by
// themselves, and a session can be ended everywhere within a second.
package fleet
