module github.com/hardtack-go/hardtack/fuzz

go 1.26.0

require (
	github.com/gorilla/securecookie v1.1.2
	github.com/gorilla/sessions v1.4.0
	github.com/hardtack-go/hardtack v0.0.0
)

// The modules of this repository always belong together; go.work says so too,
// this line serves a build with GOWORK=off.
replace github.com/hardtack-go/hardtack => ../
