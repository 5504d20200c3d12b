package oauth_test

import (
	"fmt"

	"github.com/hardtack-go/hardtack/signin/oauth"
)

// Members of one organization log in with the accounts that it has given them, and
// everybody else with Google's. A tenant is a UUID.
func ExampleMicrosoft() {
	const tenant, id, secret = "aaaabbbb-0000-cccc-1111-dddd2222eeee", "client id", "client secret"
	config := oauth.Config[*struct{}]{Providers: []*oauth.Provider{
		oauth.Microsoft(tenant, id, secret),
		oauth.Google(id, secret),
	}}
	fmt.Println(len(config.Providers), "buttons")
	// Output: 2 buttons
}
