// Package function is the example of a function on Cloud Run. README.md says how to run
// it.
package function

import (
	"log"

	"github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"github.com/hardtack-go/hardtack/examples/internal/site"
)

func init() {
	handler, err := site.New()
	if err != nil {
		log.Fatal(err)
	}
	functions.HTTP("App", handler.ServeHTTP)
}
