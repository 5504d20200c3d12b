// Package jose opens and seals tokens with github.com/go-jose/go-jose. It is the
// only package in Hardtack that imports go-jose. It meets two needs:
//
//   - [WithKeys] opens the session cookies of other systems, so moving to Hardtack logs
//     nobody out. These are encrypted JWTs with a shared key, as issued by Auth.js,
//     nextjs-auth0 and express-openid-connect.
//   - [JWE] seals and opens Hardtack's own format through an independent
//     implementation. The bytes are the same as cookie.JWE's. Use it if all your
//     tokens have to go through one audited library. Otherwise use cookie.JWE, which
//     is twenty times faster.
//
// # Stricter than go-jose
//
// go-jose implements all of JOSE. It accepts tokens that this package doesn't want:
// those with an encrypted key that direct encryption ignores, with ciphertext moved
// into the tag, with unused bits set in a base64 character, with CR and LF, with
// "zip" compression, or with the critical extension "b64".
//
// So this package parses each token itself first. go-jose only sees a token that has
//
//   - five segments and at most 4,096 characters,
//   - canonical base64,
//   - an empty encrypted key,
//   - an IV and a tag of exactly the length its algorithm demands, and
//   - a header of known members with known values.
//
// Algorithms are allowed by name, never just because the token asks for one (RFC
// 8725 section 3.1), and each is bound to a key length.
//
// # Limits
//
// go-jose draws its nonces from crypto/rand alone, and nothing outside go-jose can
// hedge them. Two clones of one virtual machine whose random source repeats would
// seal two plaintexts under one nonce. With AES-GCM, that gives away both plaintexts
// and the authentication key. Where machines are cloned or resumed from a snapshot,
// seal with cookie.JWE.
//
// A bad token of the maximum length that looks right costs about 20 KB of garbage,
// nearly all of it go-jose's. Everything else is refused before that.
//
// JSON serializations, nested tokens and compression aren't supported. Neither are
// chunked cookies: a session that another system split over several cookies is lost.
package jose
