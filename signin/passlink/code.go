package passlink

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// codeSize is the size of a code in bytes. The code must hold although nobody counts
// the attempts, because a browser can put an old page back and a count with it. Each
// attempt at 40 bits succeeds with a chance of 1 in 1.1 million million, whatever came
// before: 1,000 attempts a second for the whole quarter of an hour make one in 1.2
// million. With 6 digits they would make nine in ten.
const codeSize = 5

// alphabet is Crockford's (https://www.crockford.com/base32.html). It has neither I, L
// nor O, so whoever reads a 1 or a 0 as one of them is understood.
var alphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newCode returns the code for a request and a user: a MAC over the user's fields under
// the request's own secret. The secret is in the ticket that the browser holds, sealed.
// So a code needs no key of its own and turns over with the tickets, and the codes of
// any other request say nothing about this one. Each field is preceded by its length,
// so different lists are different bytes.
func newCode(secret string, fields []string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	for _, f := range fields {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(f)))
		mac.Write(size[:])
		mac.Write([]byte(f))
	}
	return alphabet.EncodeToString(mac.Sum(nil)[:codeSize])
}

// shown is a code as people read it: XXXX-XXXX.
func shown(code string) string { return code[:4] + "-" + code[4:] }

// typed is a code as people type it, in the spelling of newCode if it is one at all.
var typed = strings.NewReplacer(" ", "", "\u00a0", "", "\t", "", "-", "", "\u2010", "", "\u2011", "", "\u2013", "", "O", "0", "I", "1", "L", "1")

// sameCode compares what somebody typed with the code, in constant time.
func sameCode(input, code string) bool {
	return hmac.Equal([]byte(typed.Replace(strings.ToUpper(input))), []byte(code))
}
