// Command lambda is the example of a function on AWS Lambda. README.md says how to run
// it.
package main

import (
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hardtack-go/hardtack/examples/internal/site"
	"github.com/hardtack-go/hardtack/serverless"
)

func main() {
	handler, err := site.New()
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(serverless.Lambda(handler))
}
