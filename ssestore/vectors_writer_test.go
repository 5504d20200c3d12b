package ssestore_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/internal/vectors"
)

// A second writer of sessions and barriers, made from docs/FORMAT.md with the standard
// library.

const (
	vecNow   = 1_700_000_000
	vecEpoch = -1 << 63 // stands for a Now of 0
	vecHour  = 3600
	vecDay   = 24 * vecHour
)

// usualConfig has the defaults of ssestore.Config.
func usualConfig() vectorConfig {
	return vectorConfig{Name: sessionName, Idle: 30 * 60, Absolute: 12 * vecHour, PersistentIdle: 14 * vecDay, PersistentAbsolute: 30 * vecDay}
}

func vecHash(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

// vecKey is the n-th key of the vectors. 0 and 1 are in the ring, 2 is not.
func vecKey(n int) vectors.Key {
	return vectors.Key{
		Kid:     [...]string{"sA0-_z4", "sB1AAAA", "sC2__-8"}[n],
		Root:    hex.EncodeToString(vecHash(fmt.Sprint("hardtack session vector root key ", n))),
		Created: 1_699_000_000_000 - int64(n)*vecDay*1000,
	}
}

func vecLP(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return string(b)
}

// vecDerive is HKDF as FORMAT.md has it.
func vecDerive(key int, purpose, audience, name string) []byte {
	root, _ := hex.DecodeString(vecKey(key).Root)
	k, err := hkdf.Key(sha256.New, root, nil, vecLP("hardtack/v1", purpose, audience, name), 32)
	if err != nil {
		panic(err)
	}
	return k
}

func vecMAC(key []byte, parts ...string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(vecLP(parts...)))
	return m.Sum(nil)
}

// A sealing says where and under which key claims are sealed. The zero value is the
// primary and the usual place.
type sealing struct {
	key      int
	kid      string // in the header, if not that of key
	purpose  string
	audience string
	name     string
}

// seal returns the token of claims. The nonce is a hash of everything else.
func (s sealing) seal(claims string) string {
	if s.name == "" {
		s.name = sessionName
	}
	if s.purpose == "" {
		s.purpose = "seal"
	}
	if s.kid == "" {
		s.kid = vecKey(s.key).Kid
	}
	header := encode64(`{"alg":"dir","enc":"A256GCM","kid":"` + s.kid + `"}`)
	iv := vecHash(vecLP("iv", fmt.Sprint(s), claims))[:12]
	block, err := aes.NewCipher(vecDerive(s.key, s.purpose, s.audience, s.name))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	sealed := gcm.Seal(nil, iv, []byte(claims), []byte(header))
	n := len(claims)
	return strings.Join([]string{header, "", encode64(string(iv)), encode64(string(sealed[:n])), encode64(string(sealed[n:]))}, ".")
}

// An entry is one of the barrier, for the session called sid.
type barrierEntry struct {
	sid      string
	until    int64
	key      int
	audience string
	name     string
}

func (e barrierEntry) String() string {
	if e.name == "" {
		e.name = sessionName
	}
	until := fmt.Sprintf("%010d", e.until)
	mac := vecMAC(vecDerive(e.key, "barrier", e.audience, e.name), vecSID(e.sid), until)
	return vecKey(e.key).Kid + until + encode64(string(mac[:16]))
}

func vecSID(name string) string { return encode64(string(vecHash("sid " + name)[:16])) }

// form is a session to write down. Zero times get usual values.
type form struct {
	sid                      string // a name for it
	iat, auth, exp, rnw, end int64
	per                      bool
	sub                      string // as it is written
	user                     string // whose stamp, if sub has escapes
	unstamped                bool
	stampKey                 int
	d                        string
}

// String returns the claims in their one spelling.
func (f form) String() string {
	if f.sid == "" {
		f.sid = "usual"
	}
	if f.iat == 0 {
		f.iat = vecNow
	}
	if f.exp == 0 {
		f.exp = f.iat + 12*vecHour
		if f.per {
			f.exp = f.iat + 30*vecDay
		}
	}
	if f.rnw == 0 {
		f.rnw = f.iat
	}
	if f.user == "" {
		f.user = f.sub
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"sid":"%s","iat":%d`, vecSID(f.sid), f.iat)
	if f.sub != "" {
		if f.auth == 0 {
			f.auth = f.iat
		}
		fmt.Fprintf(&b, `,"auth_time":%d`, f.auth)
	}
	fmt.Fprintf(&b, `,"exp":%d,"rnw":%d`, f.exp, f.rnw)
	if f.per {
		b.WriteString(`,"per":true`)
	}
	if f.end != 0 {
		fmt.Fprintf(&b, `,"end":%d`, f.end)
	}
	if f.sub != "" {
		fmt.Fprintf(&b, `,"sub":"%s"`, f.sub)
		if !f.unstamped {
			fmt.Fprintf(&b, `,"stk":"%s","stp":"%s"`, vecKey(f.stampKey).Kid, vecStamp(f.stampKey, f.user))
		}
	}
	if f.d != "" {
		b.WriteString(`,"d":` + f.d)
	}
	b.WriteString("}")
	return b.String()
}

func vecStamp(key int, user string) string {
	return encode64(string(vecMAC(vecDerive(key, "stamp", "", ""), user, "$argon2id$ of "+user)))
}

// actorData is the reserved member of an impersonated session.
func actorData(user string, stamped bool) string {
	if !stamped {
		return `"-act":{"sub":"` + user + `"}`
	}
	return `"-act":{"sub":"` + user + `","stk":"` + vecKey(0).Kid + `","stp":"` + vecStamp(0, user) + `"}`
}

// vectorMaker builds one file.
type vectorMaker struct {
	name  string
	file  vectorFile
	seen  map[string]bool
	slots map[string]bool // names and audiences with keys in the file
	t     testing.TB
}

// add adds a vector, and the keys that a reader needs for it.
func (m *vectorMaker) add(v sessionVector) {
	v.ID = m.name + "-" + v.ID
	if m.seen[v.ID] {
		m.t.Fatalf("vector id %s twice", v.ID)
	}
	m.seen[v.ID] = true
	if v.Config.Name == "" {
		v.Config = usualConfig()
	}
	switch v.Now {
	case 0:
		v.Now = vecNow
	case vecEpoch:
		v.Now = 0
	}
	if v.Cookie == nil {
		v.Cookie = []string{}
	}
	m.keys(v.Config.Audience, v.Config.Name)
	for _, f := range v.Config.Former {
		m.keys(v.Config.Audience, f.Name)
	}
	m.file.Vectors = append(m.file.Vectors, v)
}

func (m *vectorMaker) keys(audience, name string) {
	if slot := vecLP(audience, name); !m.slots[slot] {
		m.slots[slot] = true
		for n := range m.file.Ring {
			for _, p := range [][3]string{{"seal", "A256GCM", "enc"}, {"barrier", "HS256", "sig"}} {
				m.file.Reader.Keys = append(m.file.Reader.Keys, vectorJWK{
					Kty: "oct", Kid: vecKey(n).Kid, K: encode64(string(vecDerive(n, p[0], audience, name))),
					Alg: p[1], Use: p[2], Purpose: p[0], Audience: audience, Name: name,
				})
			}
		}
	}
}

// ok adds a request that has the session with these claims.
func (m *vectorMaker) ok(v sessionVector, claims string) {
	v.Verdict, v.Claims = "ok", claims
	var c struct {
		Sub *string
		D   map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(claims), &c); err != nil {
		m.t.Fatalf("%s: %v", v.ID, err)
	}
	v.User = c.Sub
	if act, ok := c.D["-act"]; ok {
		var a struct{ Sub string }
		json.Unmarshal(act, &a) // what can't be read is ""
		v.Actor = &a.Sub
	}
	m.add(v)
}

// one is ok with that session alone in the request.
func (m *vectorMaker) one(id, comment, claims string) {
	m.ok(sessionVector{ID: id, Comment: comment, Cookie: pair(sealing{}.seal(claims))}, claims)
}

func (m *vectorMaker) refuse(verdict, id, comment string, cookie ...string) {
	m.add(sessionVector{ID: id, Comment: comment, Verdict: verdict, Cookie: cookie})
}

// pair is a Cookie line with a token and nothing else.
func pair(token string) []string { return []string{sessionName + "=" + token} }
