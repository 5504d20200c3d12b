package natskv_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/hardtack-go/hardtack/fleet/natskv"
)

// An instance of an application takes part in a fleet over NATS.
func Example() {
	urls, stop := startServer() // elsewhere: your servers
	defer stop()

	conn, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		log.Fatal(err)
	}
	engine, err := natskv.New(natskv.Config{JetStream: js, Replicas: 1}) // leave Replicas out for three
	if err != nil {
		log.Fatal(err)
	}
	secret, err := fleet.Secret([]byte("32 random bytes from your secrets"))
	if err != nil {
		log.Fatal(err)
	}
	f, err := fleet.New(fleet.Config{Engine: engine, Wrapper: secret, Application: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	// go f.Run(ctx), and <-f.Ready() before serving.
	fmt.Println(f.Window())
	// Output: 720h0m0s
}

// What an engine does, without a fleet.
func ExampleKV_Watch() {
	urls, stop := startServer()
	defer stop()
	conn, err := nats.Connect(urls)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		log.Fatal(err)
	}
	engine, err := natskv.New(natskv.Config{JetStream: js, Replicas: 1})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := engine.Swap(ctx, "ring", []byte("one"), 0); err != nil {
		log.Fatal(err)
	}
	_, err = engine.Swap(ctx, "ring", []byte("two"), 0) // as if nobody had been first
	fmt.Println(err)
	err = engine.Watch(ctx, func(ev fleet.Event) {
		if ev.Synced {
			cancel()
			return
		}
		fmt.Printf("%s = %s\n", ev.Name, ev.Value)
	})
	fmt.Println(err)
	// Output:
	// fleet: somebody else was first
	// ring = one
	// context canceled
}

// startServer starts a server inside of this process.
func startServer() (urls string, stop func()) {
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		log.Fatal(err)
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	return s.ClientURL(), func() {
		s.Shutdown()
		s.WaitForShutdown()
		os.RemoveAll(dir)
	}
}
