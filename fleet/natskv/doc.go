// Package natskv is a [fleet.Engine] over a key-value bucket of NATS JetStream. It is the
// engine for a fleet that has outgrown its SQL database, or that runs NATS anyway: news
// reaches a thousand instances within milliseconds, and one of three servers may be lost at
// any time.
//
//	conn, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true), nats.ReconnectBufSize(-1))
//	…
//	js, err := jetstream.New(conn)
//	…
//	engine, err := natskv.New(natskv.Config{JetStream: js})
//
// # What is stored
//
// One bucket, "hardtack" by default. The keys that begin with "s." hold the ring and the
// beat, those that begin with "a." a mark each, which the server drops at its end.
// Everything is sealed before it gets here. 1,000,000 marks take about 300 MB.
//
// The bucket is created if it doesn't exist, in a file on three servers. To create it
// yourself, give it 3 replicas, a history of 1, no max age and a limit marker TTL of a
// second: without the latter, it accepts no times to live. That needs NATS 2.11. An
// existing bucket that would forget the ring is refused with [ErrBucket].
//
// An instance has to subscribe to its inbox, and to publish to
//
//	$KV.hardtack.>  $JS.FC.>  $JS.API.INFO
//	$JS.API.STREAM.INFO.KV_hardtack  $JS.API.STREAM.CREATE.KV_hardtack
//	$JS.API.STREAM.MSG.GET.KV_hardtack  $JS.API.DIRECT.GET.KV_hardtack.>
//	$JS.API.CONSUMER.CREATE.KV_hardtack.>
//
// # The settings of the servers
//
//   - sync_interval: always. JetStream acknowledges a write before it is on the disk,
//     and writes to the disk every two minutes. If only a process dies, nothing is
//     lost. A power cut of all three servers at once loses up to two minutes of
//     acknowledged marks: those sessions go on, on instances that start later. A ring
//     that is lost comes back from the instances that hold it. With always, each write
//     waits for the disk (nats-server issue 7564); a fleet writes once or twice a
//     second.
//   - Three servers in three zones, and three replicas. With one replica the loss of its disk
//     loses all marks, and while it is down nothing can be ended. With three servers in one
//     zone a power cut hits all of them, which is the case above.
//   - No max bytes for the bucket, or enough: a full one refuses marks, and ending a session
//     returns an error.
//
// # The settings of the connection
//
//   - nats.MaxReconnects(-1): by default nats.go gives up after 60 attempts, and the instance
//     hears no news until it starts again.
//   - nats.RetryOnFailedConnect(true): an instance can start while the servers are down. It
//     has no keys then, and isn't ready.
//   - nats.ReconnectBufSize(-1): by default nats.go keeps what is written during an outage
//     and sends it afterwards, although the caller got an error long before. That does no
//     harm, because revisions are compared and marks may come twice. But every try is kept.
//
// The connection may be one that the application uses for other things. If it doesn't
// answer a ping within two seconds when a watch begins, it is made to connect again.
//
// # When something fails
//
// No call takes longer than five seconds. When the server that leads the bucket dies, the
// others choose a new one within a few seconds. What is written is sent again until then, so a
// session can be ended meanwhile. A watch in which nothing comes for four seconds,
// not even the heartbeat of the server, ends. So does one in which a message is missing. The
// fleet opens it again.
package natskv
