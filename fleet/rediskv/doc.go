// Package rediskv is a [fleet.Engine] over Redis 7 or Valkey, for those who run one anyway.
// It needs no module of the server.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"redis:6379"}, ConnWriteTimeout: 2 * time.Second})
//	…
//	engine, err := rediskv.New(rediskv.Config{Client: client})
//
// # What is stored
//
// Nine streams, whose names begin with "{hardtack}:" by default. One holds the ring and
// the beat, the others marks, by how long they must be kept: a stream has no times to
// live for its entries, so each of them is cut off at an age. Everything is sealed
// before it gets here. 1,000,000 marks take about 240 MB of memory.
//
// A user of the server needs no more than
//
//	ACL SETUSER app on >… ~{hardtack}:* -@all +hello +client +ping +eval +xread +xrange +xadd +xdel +time
//
// In a cluster all keys are in one slot.
//
// # The settings of the server
//
//   - appendonly yes, appendfsync always. By default Redis keeps snapshots only, and a crash
//     loses minutes of marks: those sessions go on, on instances that start later. With
//     everysec, the usual setting, a power cut loses a second; a crash of the process alone
//     loses nothing. A ring that is lost comes back from the instances that hold it.
//   - A failover, by Sentinel, in a cluster or in a managed service, loses what the old server
//     acknowledged and the new one hasn't got: usually less than a second of marks, and all
//     of them if the replica was far behind. min-replicas-to-write 1 and min-replicas-max-lag
//     10 bound that at ten seconds. If that is too much, use another engine: package natskv
//     acknowledges what a majority has.
//   - maxmemory-policy noeviction. The policies that begin with allkeys- drop a stream of
//     marks when memory is short, and every mark that is in it. Those that begin with
//     volatile- don't touch these keys, which have no time to live. With noeviction, a
//     full server refuses marks, and ending a session returns an error.
//   - Don't keep marks in a server that is a cache: when it is flushed, sessions that
//     were ended come back.
//
// # The settings of the client
//
// ConnWriteTimeout is how long rueidis trusts a connection that doesn't answer: 10
// seconds by default, in which nothing can be ended. Two are enough in one region. The
// client may be one that the application uses for other things.
//
// # When something fails
//
// No call takes longer than five seconds. A watch whose server doesn't answer ends after
// four seconds, and the fleet opens it again. It listens with XREAD and a time
// limit, so an idle one costs a command every two seconds. A mark is sent again for five
// seconds, so a session can be ended while the server starts again.
//
// # Why rueidis
//
// A watch waits in a command that blocks. Of the two clients that are in wide use, rueidis
// leaves such a command as soon as its context ends, and closes the connection, which may be
// dead; go-redis looks at the deadline of a context, but not at whether it was cancelled. It
// also brings fewer modules into a build.
package rediskv
