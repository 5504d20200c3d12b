// Package serverless runs an http.Handler on AWS Lambda without losing or inventing
// cookies on the way. One handler serves API Gateway (HTTP APIs and REST APIs), Lambda
// function URLs and Application Load Balancers.
//
//	lambda.Start(serverless.Lambda(guard.Handler(mux)))
//
// Here lambda is github.com/aws/aws-lambda-go/lambda. This package imports neither that
// nor any other part of an SDK: [Handler] has the Invoke method that lambda.Start looks
// for.
//
// # Cookies
//
// An event holds its headers as JSON. A header that was sent several times becomes one
// string, joined with commas. But the value of a cookie may contain a comma too, and a
// sibling domain can set any cookie. An adapter that splits the Cookie header at commas
// reads the single cookie
//
//	x=1, __Host-session=…
//
// as two, and takes a stranger's session for the visitor's. The prefix __Host- doesn't
// help, because the browser never saw a cookie of that name. The adapter
// aws-lambda-go-api-proxy v0.16.2 does this for function URLs. This package splits no
// header. If an event has a list of cookies, the package reads that list and nothing
// else.
//
// A logout sends two Set-Cookie lines, one for the session and one for the barrier. A
// load balancer drops one of them unless its target group has the attribute
// lambda.multi_value_headers.enabled. Handler refuses the events of such a load balancer
// at the first request, not at the first logout. See [SingleValueError].
//
// # Requests
//
// RemoteAddr is the address that called the gateway, with port 0, so the default
// throttle of module signin tells clients apart. If another proxy stands in front of the
// gateway, set RemoteAddr yourself. Host is the header of that name, or the domain of
// the gateway. A stage that is part of the path stays there: http.StripPrefix around the
// guard takes it away, and middleware.Config.BasePath stays empty. [Event] returns the
// whole event, for the claims of an authorizer and the like.
//
// Some gateways decode the path, and nothing in the event says so. A path that is no
// valid percent-encoding is taken as it is. Any other is decoded, perhaps for the second
// time: /a%252Fb may arrive as /a%2Fb, and becomes /a/b. So let the handler decide who
// may see a page, and not the gateway's routes.
//
// # Responses
//
// A response is complete when the handler returns: there is no http.Flusher. To
// stream, use lambdaurl from github.com/aws/aws-lambda-go. A handler that writes
// nothing has answered 200, and a line break in a header's value becomes a space, as
// under net/http. A panic goes on to the Lambda runtime, which reports it. Trailers
// aren't sent.
//
// A body that isn't UTF-8 or is compressed goes in base64. A REST API decodes that only
// if its binary media types list */*.
//
// # Time
//
// Lambda freezes a process between two requests. Nothing here, and nothing in the other
// packages of this module, needs a goroutine or a ticker to go on. A keyring.File and a
// keyring.Schedule look at the clock of the request.
//
// # Other platforms
//
// Cloud Run functions and Vercel call an http.Handler, so pass them guard.Handler(mux).
// Netlify sends the events of a REST API.
package serverless
