module github.com/hardtack-go/hardtack/middleware/echo

go 1.26.0

require github.com/labstack/echo/v5 v5.4.4

require (
	github.com/stretchr/testify v1.12.1 // indirect
	golang.org/x/net v0.61.0 // indirect
)
