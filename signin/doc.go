// Package signin has what the ways to log in share. Packages signin/password,
// signin/oauth, signin/passkey and signin/passlink are the ways; signin/mail gets their
// mails delivered.
//
// None of them keeps state on the server between two requests. What a flow needs to
// remember is a ticket (package ticket): sealed under the keyring, for one purpose,
// short-lived, and bound to the browser that asked. The application supplies its user
// store through one small interface for each flow.
//
//	mails := mail.NewQueue(smtp, 1000)
//	go mails.Run(ctx)
//	desk, err := signin.New(signin.Config[*User]{Keys: keys, Origin: "https://example.com", Guard: guard, Send: mails})
//	…
//	links, err := passlink.New(desk, passlink.Config[*User]{Users: db, Email: …, Bound: …})
//	…
//	mux.Handle("/passlink/", links)
//	mux.Handle("/logout", desk.LogoutHandler("/"))
//	http.ListenAndServe(addr, guard.Handler(mux))
//
// # The desk
//
// A [Desk] ties what is started to the browser that started it ([Desk.Bind]), slows
// down whoever tries too often ([Desk.Allow]), shows the pages ([Desk.Show]), and is
// the one place where a visitor becomes a user ([Desk.Enter]): a disabled account, a
// second factor or an audit log hooks in there, for all ways at once. Always log in
// through the desk, even from a page of your own, and log out with its LogoutHandler.
// Then [Desk.How] tells how each user proved who they are.
//
// # Threat model
//
// The attacker can send any request, with any Host and forwarded fields, from many
// addresses; can make a visitor's browser send requests from another site; can have an
// account and start flows with other people's addresses; and can read and alter what the
// browser is given. They can't read other people's mail. Absolute URLs come from
// [Config].Origin alone. A login can be finished only by the browser that started it. The
// links of package password, to sign up and to set a password, work in any, and their
// pages name the account. What a browser gets before the proof has nothing of the user in
// it, not even a length.
//
// # Limits
//
// A ticket is good until it expires or what it is bound to changes: what works only
// once does so because its use changes the user's row. Attempts are counted by each
// instance for itself, unless you write a [Throttle] over a shared store. The binding
// is in a cookie, so a browser that keeps none can't log in.
//
// docs/SIGNIN.md shows how the parts fit together, and docs/THREATS.md what they can't do.
//
// # Concurrency
//
// A Desk and the ways are immutable and safe for concurrent use. Nothing runs in the
// background except what the program starts.
package signin
