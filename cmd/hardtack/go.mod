module github.com/hardtack-go/hardtack/cmd/hardtack

go 1.26.0

require github.com/hardtack-go/hardtack v0.0.0

replace github.com/hardtack-go/hardtack => ../..
