package legacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/base64url"
	"github.com/hardtack-go/hardtack/ssestore"
)

const (
	// ironRounds are the rounds of PBKDF2 in iron-session, and in h3 before version 2.
	// Both demand passwords of at least 32 characters.
	ironRounds = 1

	// h3Rounds are those of h3 2.
	h3Rounds = 8192

	// maxSalt is the length of the longest salt: 64 in both.
	maxSalt = 128
)

// DefaultIronTTL is the life of a session in iron-session if its configuration doesn't say.
const DefaultIronTTL = 14 * 24 * time.Hour

// IronSession is the session of iron-session 8 and 9. Name is its cookieName, which has no
// default. The secrets are its password, or those of its list, newest first. ttl is its ttl, as
// a session's date is its end less that; for ttl 0, which never ends, set
// ssestore.Legacy.Issued. Migrate gets the session's JSON.
//
// The date is that of the last save, and a ttl that is shorter than the other system's puts
// it into the future, where it is refused.
//
// A round of PBKDF2 and an HMAC for each secret are all that a forged value costs.
func IronSession(c cookie.Config, ttl time.Duration, secrets ...string) ssestore.Legacy {
	l := of(c, "", sha1Format(secrets, func(string) opener {
		b := newBox(secrets, ironRounds)
		return func(value string) (cookie.Opened, error) {
			value, ok := strings.CutSuffix(value, "~2") // the version of iron-session's own format
			if !ok {
				return cookie.Opened{}, cookie.ReasonForeign.Err()
			}
			o, err := b.open(value)
			if err == nil && ttl > 0 && !o.Ends.IsZero() {
				o.Issued = o.Ends.Add(-ttl)
			}
			return o, err
		}
	}))
	l.Parts = "."
	return l
}

// H3 is the session of h3 (useSession), and so of Nitro, Nuxt and TanStack Start: "h3". The
// secrets are its password, or former ones. Migrate gets a JSON object with id, createdAt and
// data; the application's values are in data.
//
// h3 2 takes 8,192 rounds of PBKDF2 for each key, and a value doesn't say whether h3 2 made it.
// A forged value therefore costs about three milliseconds for each secret, and a request can
// bring cookie.MaxCandidates of them. Keep the list of secrets short, and Until near. Seal
// options of the application's own can't be told here.
func H3(c cookie.Config, secrets ...string) ssestore.Legacy {
	l := of(c, "h3", sha1Format(secrets, func(string) opener {
		b := newBox(secrets, ironRounds, h3Rounds)
		return func(value string) (cookie.Opened, error) {
			o, err := b.open(value)
			if err != nil {
				return o, err
			}
			var session struct {
				CreatedAt float64 `json:"createdAt"`
			}
			if json.Unmarshal(o.Plaintext, &session) != nil {
				return cookie.Opened{}, cookie.ReasonMalformed.Err()
			}
			if ms := session.CreatedAt; ms > 0 && ms < maxUnix*1000 {
				o.Issued = time.UnixMilli(int64(ms)).UTC()
			}
			return o, nil
		}
	}))
	l.Parts = ".1"
	return l
}

// A box opens what iron seals (Fe26.2): AES-256-CBC, and HMAC-SHA256 over everything.
type box struct {
	secrets []string
	rounds  []int
	keys    cache
}

func newBox(secrets []string, rounds ...int) *box {
	return &box{secrets: secrets, rounds: rounds, keys: cache{keys: make(map[derived][]byte)}}
}

// open opens "Fe26.2*id*salt*iv*ciphertext*expiration*macSalt*mac".
func (b *box) open(value string) (cookie.Opened, error) {
	foreign := cookie.ReasonForeign.Err()
	if strings.Count(value, "*") != 7 {
		return cookie.Opened{}, foreign
	}
	p := strings.Split(value, "*")
	iv, ok1 := base64url.PlainDecode(p[3])
	ciphertext, ok2 := base64url.PlainDecode(p[4])
	mac, ok3 := base64url.PlainDecode(p[7])
	if p[0] != "Fe26.2" || !isID(p[1]) || !isSalt(p[2]) || !isSalt(p[6]) || !ok1 || !ok2 || !ok3 ||
		len(iv) != aes.BlockSize || len(mac) != sha256.Size || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return cookie.Opened{}, foreign
	}
	var ends time.Time
	if p[5] != "" {
		ms, _ := strconv.ParseInt(p[5], 10, 64) // 0, or the largest there is, if it is none
		if ms <= 0 || ms > maxUnix*1000 || strconv.FormatInt(ms, 10) != p[5] {
			return cookie.Opened{}, foreign
		}
		ends = time.UnixMilli(ms).UTC()
	}
	signed := value[:len(value)-len(p[6])-len(p[7])-2]
	for _, rounds := range b.rounds {
		for i, secret := range b.secrets {
			key, hit := b.keys.derive(i, rounds, secret, p[6])
			if !hmac.Equal(mac256(key, signed), mac) {
				continue
			}
			if !ends.IsZero() && !time.Now().Before(ends) {
				return cookie.Opened{}, cookie.ReasonExpired.Err()
			}
			cipherKey, cipherHit := b.keys.derive(i, rounds, secret, p[2])
			plaintext, ok := decryptCBC(cipherKey, iv, ciphertext)
			if !ok {
				return cookie.Opened{}, cookie.ReasonMalformed.Err()
			}
			o, err := object(plaintext)
			if err != nil {
				return cookie.Opened{}, err
			}
			if !hit {
				b.keys.keep(i, rounds, p[6], key)
			}
			if !cipherHit {
				b.keys.keep(i, rounds, p[2], cipherKey)
			}
			o.Ends = ends
			return o, nil
		}
	}
	return cookie.Opened{}, cookie.ReasonUnknownKey.Err()
}

// isID reports whether s can be the id of a password: \w+ in iron.
func isID(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) <= 32
}

// isSalt reports whether s is hexadecimal digits, as iron writes a salt. They are used as
// they stand.
func isSalt(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != "" && len(s) <= maxSalt
}

// decryptCBC decrypts what is known to be authentic, and takes the padding off (PKCS #7).
func decryptCBC(key, iv, ciphertext []byte) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	out := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, ciphertext)
	n := int(out[len(out)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, false
	}
	for _, c := range out[len(out)-n:] {
		if int(c) != n {
			return nil, false
		}
	}
	return out[:len(out)-n], true
}

// stretch is PBKDF2 with SHA-1, as iron uses it. It fails only where SHA-1 is forbidden,
// and there sha1Format makes no codec.
func stretch(secret, salt string, rounds int) []byte {
	key, _ := pbkdf2.Key(sha1.New, secret, []byte(salt), rounds, 32)
	return key
}
