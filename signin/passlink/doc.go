// Package passlink logs people in with a mail: a link for the browser that asked, and a
// code for whoever reads their mail elsewhere. It needs no password, and it proves the
// address.
//
//	links, err := passlink.New(desk, passlink.Config[*User]{
//		Users: db,
//		Email: func(u *User) string { return u.Email },
//		Bound: func(u *User) []string { return []string{u.PasswordHash, strconv.Itoa(u.Logins)} },
//	})
//	mux.Handle("/passlink/", links)
//
//	<form method="post" action="/passlink/">
//	<label>Email<input type="email" name="email" autocomplete="username" required></label>
//	<button>Mail me a link</button>
//	</form>
//
// A login form can offer it beside the password:
//
//	<button formaction="/passlink/" formnovalidate>Mail me a link instead</button>
//
// # What it does
//
// A POST of an address sends one mail, if there is an account, and answers with a form
// for the code in either case. The mail has a link and a code, which work for 15
// minutes. In the browser that asked, the link shows a button, and the button logs in.
// Mail scanners and previews that open the link change nothing. In any other browser,
// such as the one that a mail app has built in, the link shows the code, to be typed
// where it was asked for. Nobody is logged in at a place where they didn't ask.
//
// Both are spent by [Users].Use, which changes a field that they are bound to by
// compare-and-set. Of two requests at once, one gets in. Whatever else changes one of
// the bound fields, such as a new password or address, spends them too, and so does
// the use of another link.
//
// # Pages
//
// [signin.Config].Page may draw the pages itself: passlink/ask (with the field next),
// sent (email, pending), confirm (email, token), elsewhere (code) and invalid (home, if
// somebody is logged in). The forms post to {Path}, and from sent and confirm to
// {Path}enter: pending with the visitor's code, or token.
//
// # Threat model
//
// Whoever reads the mail gets in, as with a link to set a new password, but only in the
// browser that asked: a link that is forwarded, logged or found later is no use there.
// An attacker who asks for a mail to somebody else must talk them into telling the
// code. The mail and the page that show it warn of that. A code has 40 bits and belongs
// to one request, so it holds without anybody counting the attempts; the throttle of the
// desk only saves work.
//
// Known and unknown addresses get the same answer, with as many seals and of the same
// length. How long it takes differs by what the application's ByEmail and Send take, so
// Send must only put the mail into a queue. What the browser is given before the code is
// right holds nothing about the account.
//
// If nobody had proven the address yet, somebody else may have opened the account.
// [Users].Use then drops what they attached to it.
//
// # Limits
//
// One browser can use a link that was asked for in it, and the cookie that binds it
// lives for an hour. Deleting cookies in between means asking again. A mail that takes
// longer than 15 minutes comes too late. A Sender that fails isn't shown to the
// visitor, since it would tell that there is an account. The log of the desk has the
// error.
package passlink
