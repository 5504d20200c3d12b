package serverless_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hardtack-go/hardtack/serverless"
)

// The function's main ends with lambda.Start(serverless.Lambda(app)). The errors
// are for whoever wires it up: the load balancer shows 502, and the log has the cure.
func ExampleLambda() {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello")
	})
	h := serverless.Lambda(app)

	_, err := h.Invoke(context.Background(), []byte(`{"Records": []}`))
	fmt.Println("a queue's event:", errors.Is(err, serverless.ErrEvent))

	old := []byte(`{"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/", "headers": {"host": "shop.example"}}`)
	_, err = h.Invoke(context.Background(), old)
	var single *serverless.SingleValueError
	fmt.Println("one value of each header:", errors.As(err, &single))

	h.AllowSingleValueALB = true // nobody logs in or out here
	_, err = h.Invoke(context.Background(), old)
	fmt.Println("allowed:", err)
	// Output:
	// a queue's event: true
	// one value of each header: true
	// allowed: <nil>
}
