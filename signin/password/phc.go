package password

import "github.com/alexedwards/argon2id"

// Bounds on the parameters of a stored hash. They are far above any sensible
// configuration, and keep a single row of a tampered table from taking the server
// down: at the very worst, it costs about a second and 256 MiB.
const (
	minMemory   = 7 * 1024   // KiB, for new hashes: OWASP's weakest row is m=7168, t=5
	minWork     = 35 * 1024  // KiB × passes, for new hashes: the same row
	maxMemory   = 256 * 1024 // KiB
	maxWork     = 1 << 20    // KiB × passes: a gigabyte written once
	maxParallel = 16

	minSalt, maxSalt = 8, 64  // bytes; RFC 9106 section 3.1 recommends 16, the PHC specification allows 8 to 64
	minKey, maxKey   = 16, 64 // bytes; below 16 guessing the tag would be easier than the password

	// maxStored is the length in characters of the longest string that is within
	// these bounds. Anything longer is refused before it is parsed.
	maxStored = len("$argon2id$v=19$m=262144,t=1048576,p=16$") + 86 + len("$") + 86

	maxLengthLimit = 64 * 1024 // bytes of password
)

// decode reads the parameters of a stored hash. The library's parser is lenient: it
// stops at the first character it doesn't understand, and accepts "+1" and leading
// zeros. So decode encodes the result and demands the same string again.
func decode(stored string) (*argon2id.Params, error) {
	if len(stored) > maxStored {
		return nil, ErrHash
	}
	p, salt, key, err := argon2id.DecodeHash(stored)
	if err != nil || !bounded(p) || encode(p, salt, key) != stored {
		return nil, ErrHash // the library's error may quote its input
	}
	return p, nil
}

// bounded reports whether parameters are within the bounds above and those of RFC
// 9106: at least one pass, one lane, and eight blocks of one KiB for each lane.
func bounded(p *argon2id.Params) bool {
	return p.Parallelism >= 1 && p.Parallelism <= maxParallel &&
		p.Memory >= 8*uint32(p.Parallelism) && p.Memory <= maxMemory &&
		p.Iterations >= 1 && uint64(p.Memory)*uint64(p.Iterations) <= maxWork &&
		p.SaltLength >= minSalt && p.SaltLength <= maxSalt &&
		p.KeyLength >= minKey && p.KeyLength <= maxKey
}
