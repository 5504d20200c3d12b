// Package gorilla reads and writes the cookies of github.com/gorilla/securecookie,
// the format that github.com/gorilla/sessions uses. It is the only package in
// Hardtack that imports securecookie. It meets three needs:
//
//   - [SecureCookie] seals Hardtack's own sessions in this format, with keys derived from
//     a keyring. It is for a service that runs next to one that reads securecookies.
//   - [WithKeys] opens the cookies that an application has already handed out
//     under its own key pairs, so moving to Hardtack logs nobody out.
//   - [Codecs] goes the other way: in one assignment, it puts a keyring under an
//     application that stays with sessions.CookieStore.
//
// # Format
//
// A value is "date|payload|mac" in padded base64url. The date is a decimal Unix
// time. The payload is, again in padded base64url, a 16-byte IV and the AES-CTR
// ciphertext, or just the plaintext if there is no block key. The mac is
// HMAC-SHA256 over "name|date|payload". This encrypts and authenticates in the
// right order, but it doesn't name a key.
//
// # What differs from the library
//
// securecookie does all the cryptography, and each side opens what the other
// seals; the tests prove it against the real library. On top of that, this package
//
//   - refuses every second spelling. securecookie skips CR and LF and ignores
//     the unused bits of the last character, so one cookie has many valid forms.
//     This package doesn't even look at a value that isn't canonical;
//   - finds the key by its MAC first and decrypts once, so a bad cookie costs
//     one HMAC per key and no memory per key;
//   - seals a copy, because securecookie encrypts its input in place;
//   - refuses to seal an empty payload, because securecookie can't open it again;
//   - reports the date as [cookie.Opened].Issued. securecookie accepts any date in
//     the future, so the code that knows the time must refuse such dates. ssestore
//     and [Codecs] do.
//
// # Verdicts
//
// A value that isn't in this format at all is [cookie.ReasonForeign]. The format
// doesn't name a key, so a value that no key opens may have been altered, or may
// have been made under a key that only another instance has so far. It is
// [cookie.ReasonUnknownKey], and nobody deletes it. [cookie.ReasonMalformed] is
// left for a value with the right MAC and a broken payload.
//
// # Threat model and limits
//
// What holds for Hardtack's own format holds here, too: anyone who can read a cookie
// can also mint one, and a copied cookie works until it expires. There is more to
// know about this format:
//
//   - CTR mode draws its IV from crypto/rand alone. Two clones of one virtual
//     machine may encrypt under the same IV, which reveals the XOR of the two
//     payloads. (The JWE codec of package cookie is hedged against that.)
//   - The date is readable without a key.
//   - The payload is encoded in base64 twice, so a cookie is about a third longer.
//   - A value has at most 4,096 characters.
package gorilla
