// Package cookie turns bytes into a browser cookie and back. It has the codec that
// seals and opens values, and the only builder of Set-Cookie lines.
//
// # What it does
//
// A [Codec] seals a plaintext under the primary key of a keyring, and opens values
// that any key in the ring sealed. [JWE] is the default [Format]. A [Cookie] is
// made from a [Config]. It finds its values in raw Cookie header lines, and writes
// the lines that set and delete it. Package ssestore puts the two together. Most
// programs use that, and see only Config.
//
// # Threat model
//
// The attacker can see and store cookies, send any bytes as cookies, and may be
// able to set cookies from a sibling domain. None of it opens unless it is,
// character for character, a value we sealed: tokens are non-malleable. The key
// of each value is specific to one cookie name and audience. A sealed value can be
// replayed for as long as its plaintext says it is valid. Checking times is up to
// ssestore.
//
// All refusals look the same to the caller ([ErrInvalid]). The [Reason] is for
// logs, and for deciding whether the cookie may be deleted. Errors contain none of
// the input.
//
// Key ids, headers and lengths are public. AES isn't constant-time on WebAssembly
// (crypto/aes says so), so don't share a processor with the attacker there.
//
// # Format
//
// The format is described in docs/FORMAT.md, with test vectors in testdata/vectors.
// Any JOSE library can open the tokens with the exported key; see [SealLabel]. RFC
// 7516 allows other spellings of the same token. This package refuses them.
//
// # Rotation
//
// A value names the key that sealed it, and is opened with that key or not at all:
// keys are never tried in turn. Seal uses the primary. [Opened] tells the caller
// which key opened a value, so it can decide to reseal one that needed a fallback.
//
// # Limits
//
// Name and value together have at most 4,096 characters ([MaxPair]). The Set-Cookie
// line has at most 3,800 bytes unless Config.MaxLine says otherwise, which leaves
// room for about 2,600 bytes of plaintext. A cookie lives for at most 400 days
// ([MaxAge]). A request may have up to [MaxCandidates] different values under one
// name.
//
// # Compatibility
//
// Values sealed by one release can be opened by every later release of the same
// major version. Adding a verdict to [Reason] is not a breaking change.
//
// The package is part of the core. It imports nothing that opens network
// connections and works on raw strings, so servers, Lambda functions and
// WebAssembly workers share the same code.
package cookie
