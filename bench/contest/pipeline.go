package contest

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"time"

	"github.com/hardtack-go/hardtack/cookie"
	format "github.com/hardtack-go/hardtack/internal/claims"
	"github.com/hardtack-go/hardtack/internal/cookieheader"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/keyring"
)

// Pipeline is the measured limit: what Hardtack does between the raw Cookie header
// and the trusted user, with Hardtack's own parts and nothing else. It reads the
// clock, finds the cookie, looks up the key by its id, decodes base64, opens AES-GCM
// in place, reads the claims, checks the time limits, and computes and compares the
// stamp. It leaves out the session object, all locks, the counters and the
// application's callbacks. It works for one value and one user, and isn't safe for
// concurrent use.
type Pipeline struct {
	name, prefix, value string
	keys                map[string]*pipelineKey
	buf                 []byte
	in                  []byte
	sum                 [sha256.Size]byte
}

// A pipelineKey is a key in the ring, prepared for both uses.
type pipelineKey struct {
	aead  cipher.AEAD
	stamp hash.Hash
}

// NewPipeline prepares the pipeline for the standard session.
func NewPipeline() (*Pipeline, error) {
	ring := keyring.Generate()
	s, err := openHardtack(Options{}, nil, ring)
	if err != nil {
		return nil, err
	}
	p := &Pipeline{
		name: s.CookieName(), prefix: s.CookieName() + "=", value: s.Value(),
		keys: map[string]*pipelineKey{}, buf: make([]byte, 0, jwe.MaxOpen),
	}
	key := ring.Primary()
	aead, err := jwe.NewAEAD(key.Derive(cookie.SealLabel(p.name, "")))
	if err != nil {
		return nil, err
	}
	p.keys[key.ID()] = &pipelineKey{aead, hmac.New(sha256.New, key.Derive(keyring.Label{Purpose: "stamp"}))}
	return p, nil
}

func (p *Pipeline) CookieName() string { return p.name }
func (p *Pipeline) Value() string      { return p.value }

// errPipeline is returned for every refusal. The pipeline is for values that pass.
var errPipeline = errors.New("contest: the pipeline refused")

// Verify does what [Session.Verify] does.
func (p *Pipeline) Verify(cookies []string) (string, error) {
	now := time.Now().Unix()
	var space [cookieheader.MaxCandidates + 1]string
	values, _ := cookieheader.Find(space[:0], cookies, p.prefix, "")
	if len(values) != 1 {
		return "", errPipeline
	}
	kid, ok := jwe.Kid(values[0])
	if !ok {
		return "", errPipeline
	}
	key := p.keys[string(kid[:jwe.KidLen])]
	if key == nil {
		return "", errPipeline
	}
	plaintext, fault := jwe.Open(p.buf, key.aead, values[0])
	if fault != jwe.OK {
		return "", errPipeline
	}
	var c format.Claims
	if !c.Parse(plaintext) || !inTime(&c, now) || c.Sub != UserID {
		return "", errPipeline
	}
	if key = p.keys[c.Stk.String()]; key == nil {
		return "", errPipeline
	}
	p.in = binary.BigEndian.AppendUint32(p.in[:0], uint32(len(c.Sub)))
	p.in = append(p.in, c.Sub...)
	p.in = binary.BigEndian.AppendUint32(p.in, uint32(len(PasswordHash)))
	p.in = append(p.in, PasswordHash...)
	key.stamp.Reset()
	key.stamp.Write(p.in)
	key.stamp.Sum(p.sum[:0])
	if !hmac.Equal(p.sum[:], c.Stp[:]) {
		return "", errPipeline
	}
	return UserID, nil
}

// inTime applies the same limits as package ssestore.
func inTime(c *format.Claims, now int64) bool {
	end := min(c.Exp, c.Iat+int64(Absolute/time.Second))
	if c.End != 0 {
		end = min(end, c.End)
	}
	return max(c.Iat, c.AuthTime, c.Rnw) <= now+60 && now < end && now-c.Rnw <= int64(Idle/time.Second)
}
