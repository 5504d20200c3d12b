package marks_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/marks"
	"github.com/hardtack-go/hardtack/ssestore"
)

// One instance of an application publishes to a directory, or to a bucket in the same way.
func ExampleSnapshotter() {
	dir, err := os.MkdirTemp("", "marks")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ring := keyring.Generate() // the application's

	set := marks.New(marks.Policy{}) // fleet.Fleet.Marks, in an application with several instances
	snapshots, err := marks.NewSnapshotter(marks.SnapshotConfig{
		Keys: ring,
		Age:  set.Age,
		Store: func(_ context.Context, name string, object []byte) error {
			// Rename, so that nobody reads half an object. A bucket does that by itself.
			temp := filepath.Join(dir, name+".new")
			if err := os.WriteFile(temp, object, 0o644); err != nil {
				return err
			}
			return os.Rename(temp, filepath.Join(dir, name))
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	now := time.Now()
	fmt.Println(snapshots.Publish(context.Background(), now))
	set.Fresh(now)                                                                                                 // the fleet does this
	snapshots.Apply(now, marks.Mark{Kind: marks.User, ID: "42", Before: now.Unix() + 1, Until: now.Unix() + 3600}) // fleet.Config.OnMark
	fmt.Println(snapshots.Publish(context.Background(), now))                                                      // every ten seconds
	files, err := os.ReadDir(dir)
	fmt.Println(len(files), "objects", err) // a head and a shard
	// Output:
	// marks: not all marks are known yet
	// <nil>
	// 2 objects <nil>
}

// A function, or another program that no engine tells about marks, fetches what the session of
// each request needs. Refresh comes before Load, and before a guard of package middleware.
func ExampleReader() {
	ring := keyring.Generate()    // the application's
	bucket := map[string][]byte{} // its object storage
	published := bucketOf(ring, bucket, marks.Mark{Kind: marks.User, ID: "42", Before: time.Now().Unix() + 1, Until: time.Now().Unix() + 3600})
	fmt.Println("published:", published)

	reader, err := marks.NewReader(marks.ReaderConfig{
		Keys: ring,
		Fetch: func(ctx context.Context, name string) ([]byte, error) {
			if object, ok := bucket[name]; ok { // such as GetObject, with ctx
				return object, nil
			}
			return nil, os.ErrNotExist
		},
		Policy: marks.Policy{MaxStale: 5 * time.Minute, FailClosed: true},
	})
	if err != nil {
		log.Fatal(err)
	}
	store, err := ssestore.New(ssestore.Config{Keys: ring, Marks: reader})
	if err != nil {
		log.Fatal(err)
	}
	refreshed := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now := time.Now()
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if err := reader.Refresh(ctx, now, store.About(r.Header["Cookie"], now)...); err != nil {
				log.Print(err) // what it means for the session, the store says
			}
			next.ServeHTTP(w, r)
		})
	}
	_ = refreshed // refreshed(guard.Handler(mux))

	about := marks.About{Session: "AAECAwQFBgcICQoLDA0ODw", User: "42", Issued: time.Now().Unix() - 60, Now: time.Now().Unix()}
	fmt.Println("before Refresh:", reader.Judge(about))
	fmt.Println("Refresh:", reader.Refresh(context.Background(), time.Now(), about))
	fmt.Println("kicked:", reader.Judge(about))
	about.Issued = time.Now().Unix() + 1
	fmt.Println("logged in again:", reader.Judge(about), reader.Judge(about) == cookie.ReasonNone)
	// Output:
	// published: <nil>
	// before Refresh: unverified
	// Refresh: <nil>
	// kicked: revoked
	// logged in again: none true
}

// bucketOf publishes marks.
func bucketOf(ring *keyring.Keyring, bucket map[string][]byte, ms ...marks.Mark) error {
	s, err := marks.NewSnapshotter(marks.SnapshotConfig{Keys: ring, Store: func(_ context.Context, name string, object []byte) error {
		bucket[name] = object
		return nil
	}})
	if err != nil {
		return err
	}
	s.Apply(time.Now(), ms...)
	return s.Publish(context.Background(), time.Now())
}
