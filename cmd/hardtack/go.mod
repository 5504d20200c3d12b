module github.com/hardtack-go/hardtack/cmd/hardtack

go 1.26.0

require (
	github.com/hardtack-go/hardtack v0.0.0
	github.com/rogpeppe/go-internal v1.16.0
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.0.9
	golang.org/x/term v0.48.0
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/tools v0.26.0 // indirect
)

// For a build with GOWORK=off. A release drops what follows: see internal/release.
replace github.com/hardtack-go/hardtack => ../..
