package vectors_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/internal/jwe"
	"github.com/hardtack-go/hardtack/internal/vectors"
)

// The published vectors, given to libraries that know nothing of hardtack: they
// have the exported key and the names of the two algorithms.

// A task is a vector and the key to open it with.
type task struct {
	vector
	jwk []byte
}

// tasks gives each vector the key that its kid names; a vector without a readable
// kid, or with one that is not in the ring, gets the primary's.
func tasks(t *testing.T) (list []task) {
	t.Helper()
	for _, f := range vectors.Read[vectorFile](t, vectorDir) {
		ring := vectors.Ring(t, f.Ring...)
		for _, v := range f.Vectors {
			key := ring.Primary()
			if kid, ok := jwe.Kid(v.Token); ok {
				if k, ok := ring.Key(string(kid[:jwe.KidLen])); ok {
					key = k
				}
			}
			list = append(list, task{v, key.ExportJWK(cookie.SealLabel(v.Name, v.Audience))})
		}
	}
	if len(list) < 150 {
		t.Errorf("%d vectors, want at least 150", len(list))
	}
	return list
}

// judge compares a library's result with the vector. A library may be more
// lenient about spelling than hardtack; it must never open what has a bad tag,
// read other bytes than were sealed, or refuse what is canonical.
func (v vector) judge(t *testing.T, library string, plaintext []byte, opened bool) {
	t.Helper()
	same := opened && hex.EncodeToString(plaintext) == v.Plaintext
	switch {
	case opened && !same:
		t.Errorf("%s: %s reads %x, sealed was %s", v.ID, library, plaintext, v.Plaintext)
	case v.Result == "accepted" && !opened:
		t.Errorf("%s: %s refuses a canonical token", v.ID, library)
	case v.Result == "bad-tag" && opened:
		t.Errorf("%s: %s opens a token whose tag must be bad", v.ID, library)
	}
}

// summary prints how many vectors of each class a library opened.
func summary(t *testing.T, library string, list []task, opened []bool) {
	t.Helper()
	all, open := map[string]int{}, map[string]int{}
	for i, v := range list {
		all[v.Result]++
		if opened[i] {
			open[v.Result]++
		}
	}
	s := ""
	for _, class := range slices.Sorted(maps.Keys(all)) {
		s += fmt.Sprintf(", %d of %d %s", open[class], all[class], class)
	}
	t.Logf("%s opens, of %d vectors%s", library, len(list), s)
	if open["malformed"]+open["foreign"] == 0 {
		t.Errorf("%s is as strict as we are: then the vectors of these classes test nothing", library)
	}
}

func TestVectors_GoJose(t *testing.T) {
	list := tasks(t)
	opened := make([]bool, len(list))
	for i, v := range list {
		var jwk gojose.JSONWebKey
		if err := json.Unmarshal(v.jwk, &jwk); err != nil {
			t.Fatal(err)
		}
		var plaintext []byte
		object, err := gojose.ParseEncryptedCompact(v.Token, []gojose.KeyAlgorithm{gojose.DIRECT}, []gojose.ContentEncryption{gojose.A256GCM})
		if err == nil {
			plaintext, err = object.Decrypt(jwk.Key)
		}
		opened[i] = err == nil
		v.judge(t, "go-jose", plaintext, opened[i])
	}
	summary(t, "go-jose", list, opened)
}

// nodeJose makes Node's jose ready, or skips the test by saying why. What npm
// installs is pinned by the lock file, down to the hash. Outside of CI nothing is
// downloaded: who wants the test runs `npm ci` in fuzz/vectors/node once.
func nodeJose(t *testing.T) (node string) {
	t.Helper()
	must := os.Getenv("HARDTACK_CI") == "1"
	give := func(why string) {
		t.Helper()
		if must {
			t.Fatalf("%s, and HARDTACK_CI=1 asks for every test", why)
		}
		t.Skipf("%s: the vectors were not tried with Node's jose", why)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		give("node is not installed")
	}
	if _, err := os.Stat(filepath.Join("node", "node_modules", "jose")); err == nil {
		return node
	}
	if !must {
		give("fuzz/vectors/node/node_modules is missing (npm ci in fuzz/vectors/node makes it)")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		give("npm is not installed")
	}
	ci := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	ci.Dir = "node"
	if out, err := ci.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return node
}

func TestVectors_NodeJose(t *testing.T) {
	node, list := nodeJose(t), tasks(t)
	type job struct {
		JWK   json.RawMessage `json:"jwk"`
		Token string          `json:"token"`
	}
	var jobs []job
	for _, v := range list {
		jobs = append(jobs, job{v.jwk, v.Token})
	}
	input, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "open.mjs")
	cmd.Dir, cmd.Stdin = "node", bytes.NewReader(input)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	out, err := cmd.Output()
	var results []string
	if err != nil || json.Unmarshal(out, &results) != nil || len(results) != len(list) {
		t.Fatalf("node: %v, %d results for %d vectors\n%s", err, len(results), len(list), &fault)
	}
	opened := make([]bool, len(list))
	for i, v := range list {
		var plaintext []byte
		if text, ok := strings.CutPrefix(results[i], "opened "); ok {
			plaintext, opened[i] = unhex(t, text), true
		}
		v.judge(t, "Node's jose", plaintext, opened[i])
	}
	summary(t, "Node's jose", list, opened)
}
