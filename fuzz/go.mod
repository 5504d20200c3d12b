module github.com/hardtack-go/hardtack/fuzz

go 1.26
