// Package signin has what the ways to log in share. Packages signin/password,
// signin/oauth, signin/passkey and signin/passlink are the ways.
//
// None of them keeps state on the server between two requests. What a flow needs to
// remember is a ticket (package ticket): sealed under the keyring, for one purpose,
// short-lived, and bound to the browser that asked. The application supplies its
// storage of users through one small interface per flow.
package signin
