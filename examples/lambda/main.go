// Command lambda is the example of a function on AWS Lambda. README.md says how to run
// it.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hardtack-go/hardtack/examples/internal/site"
	"github.com/hardtack-go/hardtack/serverless"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: nothing but Lambda calls it. To build it: GOOS=linux go build -o bootstrap ./examples/lambda")
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	handler, err := site.New()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(serverless.Lambda(handler))
}
