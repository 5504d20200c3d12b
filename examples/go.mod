module github.com/hardtack-go/hardtack/examples

go 1.26
