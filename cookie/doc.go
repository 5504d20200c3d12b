// Package cookie turns bytes into one browser cookie and back: a codec that
// seals and opens values, and the one builder of Set-Cookie lines.
//
// # What it does
//
// A [Codec] seals a plaintext under the primary key of a keyring and opens what
// any key of the ring sealed. [JWE] is the default [Format]. A [Cookie], made
// from a [Config], finds the values of its name in raw Cookie header lines and
// writes the lines that set and delete it. Package ssestore puts the two
// together; most programs use that and see only Config.
//
// # Threat model
//
// The attacker sees and stores cookies, sends any bytes as cookies, and may set
// cookies from a sibling domain. Nothing of that opens, unless it is a value
// that we sealed, character by character: tokens are non-malleable. A value is
// bound to its cookie name and audience by its key. What was sealed can be
// replayed as long as the plaintext says it is valid; times are the business of
// ssestore.
//
// All refusals look alike to the caller ([ErrInvalid]); the [Reason] is for logs
// and for deciding whether the cookie may be deleted. Errors hold nothing of the
// input.
//
// Key ids, header and lengths are public. AES on WebAssembly is not
// constant-time (crypto/aes says so), so on such a platform do not share a
// processor with the attacker.
//
// # Format
//
// docs/FORMAT.md, with test vectors in testdata/vectors. Any JOSE library opens
// the tokens with the exported key; see [SealLabel]. Tokens of other spelling
// are refused although RFC 7516 allows them.
//
// # Rotation
//
// A value names the key that sealed it, and is opened with that key or not at
// all: keys are never tried in turn. Seal uses the primary. A fallback that opens
// a value is told to the caller in [Opened], who decides about sealing anew.
//
// # Limits
//
// Name and value together: 4,096 characters ([MaxPair]). The Set-Cookie line:
// 3,800 bytes unless Config.MaxLine says otherwise, which leaves room for about
// 2,600 bytes of plaintext. Life: 400 days ([MaxAge]). Different values under
// one name in a request: [MaxCandidates].
//
// # Compatibility
//
// Values sealed by a release open in every later one of the same major version.
// Adding a verdict to [Reason] is no breaking change.
//
// The package is part of the core: it imports no package that opens a network
// connection, and works on raw strings, so that a server, a Lambda function and
// a WebAssembly worker use the same code.
package cookie
