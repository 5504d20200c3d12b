module github.com/hardtack-go/hardtack/bench

go 1.26
