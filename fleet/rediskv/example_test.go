package rediskv_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/redis/rueidis"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/rediskv"
)

// An instance of an application takes part in a fleet over Redis. It isn't run as a test,
// because it needs a server.
func Example() {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{"redis:6379"}, Username: "app", Password: os.Getenv("REDIS_PASSWORD"),
		ConnWriteTimeout: 2 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	engine, err := rediskv.New(rediskv.Config{Client: client})
	if err != nil {
		log.Fatal(err)
	}
	secret, err := fleet.Secret([]byte(os.Getenv("FLEET_SECRET"))) // 32 random bytes
	if err != nil {
		log.Fatal(err)
	}
	f, err := fleet.New(fleet.Config{Engine: engine, Wrapper: secret, Application: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	go f.Run(context.Background())
	<-f.Ready()
	// Serve, with a session store over f and f.Marks().
}
