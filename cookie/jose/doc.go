// Package jose opens and seals tokens with github.com/go-jose/go-jose. It is the
// only package of hardtack that imports go-jose. It serves two needs:
//
//   - [WithKeys] opens the session cookies of other systems: encrypted JWTs with a
//     shared key, as Auth.js, nextjs-auth0 and express-openid-connect issue them,
//     so that a move to hardtack logs nobody out.
//   - [JWE] seals and opens hardtack's own format, the same bytes as
//     cookie.JWE, through an independent implementation. It is what a program
//     uses that must run all its tokens through one audited library; everybody
//     else is better served by cookie.JWE, which is twenty times faster.
//
// # Strict before, strict behind
//
// go-jose is a library for the whole of JOSE. It takes tokens that this package
// does not want: an encrypted key that direct encryption ignores, ciphertext
// moved into the tag, the unused bits of a base64 character, CR and LF, the
// compression of "zip", the critical extension "b64". So each token goes through
// a parse of our own first, and go-jose sees only what has five segments, at most
// 4,096 characters, the one spelling of its base64, an empty encrypted key, an IV
// and a tag of exactly the length of its algorithm, and a header of known members
// with known values. Algorithms are allowed by name, never by what the token
// says alone (RFC 8725 section 3.1), and bound to the length of the key.
//
// # Limits
//
// go-jose draws its nonces from crypto/rand alone, and they cannot be hedged from
// outside. Two clones of one virtual machine whose random source repeats would
// seal two plaintexts under one nonce, which for AES-GCM gives away both and the
// authentication key with them. Where machines are cloned or resumed from a
// snapshot, seal with cookie.JWE.
//
// A bad token of the greatest length that looks right costs about 20 KB of garbage,
// nearly all of it go-jose's; everything else is refused before.
//
// There are no JSON serializations, no nested tokens and no compression, and no
// cookies in chunks: what another system has split over several cookies is lost.
package jose
