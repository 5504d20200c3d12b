module github.com/hardtack-go/hardtack/signin

go 1.26
