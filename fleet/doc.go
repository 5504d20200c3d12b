// Package fleet keeps the instances of an application together: their keys rotate by
// themselves, and a session can be ended everywhere within a second.
//
// An application on one machine doesn't need it, and neither does one whose keys change
// by a deploy and whose sessions end with a changed password (the stamp, see package
// auth). It is for what those can't do. Keys reach every instance by themselves. A
// logout ends copies of the cookie, too. A single session can be ended, or those of a
// user whose row can't be changed, or those that began with a login at an identity
// provider.
//
// # What it does
//
// A [Fleet] is one object in each instance. It is a [keyring.Source], and its Marks judge
// sessions in memory. A request does no I/O:
//
//	engine, err := sqlkv.New(…) // or natskv, or rediskv
//	wrapper, err := fleet.Secret(secret)
//	f, err := fleet.New(fleet.Config{Engine: engine, Wrapper: wrapper, Application: "shop"})
//	go f.Run(ctx)
//	<-f.Ready()
//	store, err := ssestore.New(ssestore.Config{Keys: f, Marks: f.Marks()})
//	accounts, err := auth.New(auth.Config[*User]{Ender: f, …})
//
// The instances meet at an [Engine], which holds three things: the ring, wrapped by a
// [Wrapper]; a mark for each session or user that was ended, sealed under the ring; and the
// beat. The first instance of all makes the first key. After that any instance adds the
// next one when it's due, and the engine's compare-and-swap lets one of them win. Step has
// the rules of [Rotation].
//
// # News and its age
//
// An engine may go silent without an error. So one instance writes a small value once a
// second, the beat, and the others go by its age: if four are missing, the watch is opened
// again, later each time. [Fleet.Status] and the Set's Age say how old the news is,
// marks.Policy what sessions meet when it is too old, and middleware.Guard has Fresh for
// pages that matter.
//
// Clocks should agree within a second or two, as they do with NTP. Up to a minute
// nothing is lost, but news looks older than it is where the writer of the beat is
// behind. (Then another instance takes over.) An instance whose clock is more than a
// minute off writes neither ring nor beat while there are others, and its End returns an
// error for marks that go by the time. When it is set right, it hears all marks once more,
// because it has ignored those that were over or to come by the wrong clock.
//
// # Limits
//
// A mark reaches the others in the time that the engine takes, so a request that is
// under way at that moment may still pass. What [Fleet.End] hasn't had acknowledged is
// known to this instance alone. An engine that is down stops news, and with it new
// keys. Sessions go on for as long as a key seals that all instances have:
// [Rotation].Ahead at least. An engine that lost everything gets the ring again from
// any instance, but not the marks. Instances that are running keep theirs; new ones
// don't know them.
//
// All marks are in memory: about 26 MB for a million. A new instance hears all of them
// before it is ready.
//
// # Threat model
//
// The engine is trusted with nothing but its availability. Whoever owns it sees when
// keys change and how many sessions are ended, and can withhold news: with FailClosed
// that makes sessions unverified, unless the engine passes on beats and drops marks,
// and otherwise lets ended ones go on until they expire. It can't read or forge a key,
// a mark or a beat, and an older copy is no use, except to deceive an instance that
// starts and is shown nothing newer. Names in it are HMACs. Whoever can unwrap the ring
// has all keys; see keyring. A key that leaked and was replaced can't open or make
// sessions any more. But until all that a ring with it may have sealed is over, whoever
// has it and can write to the engine can end sessions.
//
// # Compatibility
//
// What is in the engine is part of the format, see docs/FORMAT.md: within a major version,
// a newer release reads what an older one wrote, and instances of both work together.
package fleet
