// Command cmd runs the function on this machine, as the platform does.
package main

import (
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "github.com/hardtack-go/hardtack/examples/cloudrun"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	log.Fatal(funcframework.StartHostPort("127.0.0.1", port))
}
