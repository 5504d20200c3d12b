package vectors_test

import (
	"encoding/hex"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/internal/vectors"
	"github.com/hardtack-go/hardtack/keyring"
)

// The vectors of package ticket, given to go-jose: it opens every ticket that has our
// form, whatever its claims, and reads what was sealed.
func TestTicketVectors_GoJose(t *testing.T) {
	type file struct {
		vectorFile
		Vectors []struct {
			vector
			Purpose string `json:"purpose"`
		} `json:"vectors"`
	}
	opened, total := 0, 0
	for _, f := range vectors.Read[file](t, "../../ticket/testdata/vectors") {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			total++
			kid, _ := jwe.Kid(v.Token)
			key, ok := ring.Key(string(kid[:jwe.KidLen]))
			object, err := gojose.ParseEncryptedCompact(v.Token, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
			var plaintext []byte
			if err == nil && ok {
				plaintext, err = object.Decrypt(key.Derive(keyring.Label{Purpose: "ticket", Audience: v.Audience, Name: v.Purpose}))
			}
			open := err == nil && ok
			if open {
				opened++
			}
			switch ours := v.Result != "foreign" && v.Result != "unknown-key" && v.Result != "bad-tag" && !strings.HasPrefix(v.ID, "token-"); {
			case open && hex.EncodeToString(plaintext) != v.Plaintext:
				t.Errorf("%s: go-jose reads %s", v.ID, plaintext)
			case ours && !open:
				t.Errorf("%s: go-jose doesn't open it: %v", v.ID, err)
			case open && v.Result == "bad-tag":
				t.Errorf("%s: go-jose opens what has a bad tag", v.ID)
			}
		}
	}
	t.Logf("go-jose opens %d of %d tickets", opened, total)
	if total < 100 {
		t.Errorf("%d vectors", total)
	}
}
