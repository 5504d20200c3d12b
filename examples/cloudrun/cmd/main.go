// Command cmd runs the function on this machine, as the platform does.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "github.com/hardtack-go/hardtack/examples/cloudrun"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: SESSION_SECRET=$(openssl rand -base64 32) PASSWORD='open sesame' FUNCTION_TARGET=App go run ./examples/cloudrun/cmd")
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	log.Fatal(funcframework.StartHostPort("127.0.0.1", port))
}
