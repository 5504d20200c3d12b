// Command empty does nothing: what starting a Go program takes.
package main

import "fmt"

func main() { fmt.Println("") }
