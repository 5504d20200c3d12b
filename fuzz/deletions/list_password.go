package main

// passwords are checks of signin/password that are no conditions. Its conditions are
// deleted without an entry.
var passwords = []check{
	{what: "password: a reset proves the address", in: "signin/password handler.reset", pkg: "signin/password", test: "TestP10_ResetProves",
		old: "user, hash, true)", new: "user, hash, false)"},
	{what: "password: a change proves nothing", in: "signin/password handler.change", pkg: "signin/password", test: "TestP18_ChangeProvesNothing",
		old: "user, hash, false)", new: "user, hash, true)"},
	{what: "password: a link goes to the stored address", in: "signin/password handler.forgotten", pkg: "signin/password", test: "TestP6_MailGoesToTheStoredAddress",
		old: "h.Account(user).Email, \"password/reset\"", new: "email, \"password/reset\""},
	{what: "password: the link isn't passed on", in: "signin/password arrive", pkg: "signin/password", test: "TestP7_Reset",
		old: "\tw.Header().Set(\"Referrer-Policy\", \"no-referrer\")\n", new: ""},
	{what: "password: a ticket ends with the password", in: "signin/password handler.fields", pkg: "signin/password", test: "TestP8_ResetOnce",
		old: "a.Email, a.Hash}", new: "a.Email, \"\"}"},
	{what: "password: a ticket ends with the address", in: "signin/password handler.fields", pkg: "signin/password", test: "TestP8_ResetOnce",
		old: "a.Email, a.Hash}", new: "\"\", a.Hash}"},
	{what: "password: a new password is judged", in: "signin/password handler.newHash", pkg: "signin/password", test: "TestP17_Validators",
		old: "err := Validate(ctx, password, email)", new: "var err error"},
	{what: "password: this session stays, and it was good", in: "signin/password handler.keep", pkg: "signin/password", test: "TestP18_Change",
		old: "err = h.desk.Config().Guard.Accounts().RefreshStamp(r.Context(), h.session(r), changed)", new: ""},
	{what: "password: the old address is told", in: "signin/password handler.moved", pkg: "signin/password", test: "TestP20_ChangeOfAddress",
		old: "h.tell(r.Context(), h.Account(to.user).Email, \"password/moved\")\n", new: ""},
	{what: "password: whom a mail is for", in: "signin/password handler.send", pkg: "signin/password", test: "TestP26_Mails",
		old: "\tm.To = to\n", new: "\tif m.To == \"\" {\n\t\tm.To = to\n\t}\n"},
	{what: "password: the cost of bcrypt", in: "signin/password bcryptForm", pkg: "signin/password", test: "TestForeign_Refused", dies: hung,
		old: "1[0-4]", new: "[12][0-9]|3[01]"},
	{what: "password: the broken variant of bcrypt", in: "signin/password bcryptForm", pkg: "signin/password", test: "TestForeign_Refused",
		old: "[aby]", new: "[abxy]"},
	{what: "password: the length of Django's key", in: "signin/password djangoForm", pkg: "signin/password", test: "TestForeign_Refused",
		old: "{43}=)", new: "*=*)"},
}
