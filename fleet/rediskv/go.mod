module github.com/hardtack-go/hardtack/fleet/rediskv

go 1.26.0

require (
	github.com/hardtack-go/hardtack v0.0.0
	github.com/redis/rueidis v1.0.79
)

require golang.org/x/sys v0.47.0 // indirect

// For a build with GOWORK=off. A release drops what follows: see internal/release.
replace github.com/hardtack-go/hardtack => ../..
