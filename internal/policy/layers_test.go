package policy_test

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

// layer is one row of the layer table.
type layer struct {
	pkg  string   // path below the module path
	core bool     // standard library only, and none of the packages in notInCore
	may  []string // packages of this module it may import; "internal/" allows all below it
	peer string   // the one module outside the standard library it may import
	json bool     // may reach encoding/json
}

// layers is the layer table: imports run strictly downward. A package
// that is not in the table fails the test, so that nobody adds one unseen.
var layers = []layer{
	{pkg: ""},
	{pkg: "internal/policy"},
	{pkg: "internal/release", json: true}, // a program
	{pkg: "internal/race", core: true},
	{pkg: "internal/vectors", may: []string{"keyring"}, json: true}, // for tests
	{pkg: "internal/freeport"},                                      // for tests
	{pkg: "internal/config", core: true},
	{pkg: "internal/equal", core: true, json: true},
	{pkg: "internal/cookieheader", core: true},
	{pkg: "internal/hostport", core: true},
	{pkg: "internal/base64url", core: true},
	{pkg: "internal/jwe", core: true, may: []string{"internal/base64url"}},
	{pkg: "internal/claims", core: true, may: []string{"internal/base64url"}},
	{pkg: "keyring", core: true, may: []string{"internal/"}},
	{pkg: "internal/keysource", core: true, may: []string{"keyring"}},
	{pkg: "cookie", core: true, may: []string{"internal/", "keyring"}},
	{pkg: "cookie/gorilla", may: []string{"internal/", "keyring", "cookie"}, peer: "github.com/gorilla/securecookie", json: true},
	{pkg: "cookie/jose", may: []string{"internal/", "keyring", "cookie"}, peer: "github.com/go-jose/go-jose/v4", json: true},
	{pkg: "ticket", core: true, may: []string{"internal/", "keyring", "cookie"}, json: true},
	{pkg: "marks", core: true, may: []string{"internal/", "keyring", "cookie"}},
	{pkg: "ssestore", core: true, may: []string{"internal/", "keyring", "cookie", "marks"}, json: true},
	{pkg: "ssestore/legacy", may: []string{"internal/", "keyring", "cookie", "cookie/jose", "ssestore"}, json: true},
	{pkg: "auth", core: true, may: []string{"internal/", "keyring", "cookie", "marks", "ssestore"}, json: true},
	{pkg: "auth/next", core: true, may: []string{"internal/"}},
	{pkg: "fleet", may: []string{"internal/", "keyring", "cookie", "marks"}, json: true},
	{pkg: "fleet/enginetest", may: []string{"fleet"}, json: true},
	{pkg: "fleet/internal/fleettest", may: []string{"internal/freeport", "keyring", "cookie", "marks", "ssestore", "fleet"}, json: true}, // for tests
	{pkg: "middleware", may: []string{"internal/", "keyring", "cookie", "ssestore", "auth", "auth/next"}, json: true},
	{pkg: "middleware/middlewaretest", may: []string{"middleware"}, json: true},
	{pkg: "serverless", json: true},
}

// notInCore is what the core must not reach, not even through another package.
// The sizes behind it are in docs/BENCHMARKS.md: net/http alone more than
// doubles a WebAssembly worker.
var notInCore = []string{
	"net", "net/http", "net/url", "crypto/x509", "crypto/tls", "encoding/gob",
	"log", "log/slog", "os/exec", "os/signal", "html/template", "text/template",
	"testing", "flag",
}

// listed is the part of `go list -json` that the table needs.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// platforms are the ones that the core is built for.
var platforms = []struct{ os, arch string }{
	{"linux", "amd64"}, {"js", "wasm"}, {"wasip1", "wasm"},
}

func listPackages(t *testing.T, goos, goarch string) map[string]listed {
	t.Helper()
	// GOWORK=off, to list what a user of the root module gets.
	out := goCommand(t, []string{"GOWORK=off", "GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"},
		"list", "-deps", "-json=ImportPath,Standard,Imports,Deps,Module", "./...")
	all := map[string]listed{}
	dec := json.NewDecoder(strings.NewReader(out))
	for {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

func TestLayers(t *testing.T) {
	for _, platform := range platforms {
		t.Run(platform.os+"/"+platform.arch, func(t *testing.T) {
			t.Parallel()
			all := listPackages(t, platform.os, platform.arch)
			seen := 0
			for path, p := range all {
				pkg, ours := short(path)
				if !ours {
					continue
				}
				i := slices.IndexFunc(layers, func(l layer) bool { return l.pkg == pkg })
				if i < 0 {
					t.Errorf("package %s is not in the layer table: give it a row", path)
					continue
				}
				seen++
				checkLayer(t, all, p, layers[i])
			}
			if seen < 2 {
				t.Errorf("only %d packages of the module were listed", seen)
			}
		})
	}
}

func checkLayer(t *testing.T, all map[string]listed, p listed, l layer) {
	t.Helper()
	for _, imp := range p.Imports {
		if pkg, ours := short(imp); ours {
			allowed := slices.ContainsFunc(l.may, func(m string) bool {
				return m == pkg || strings.HasSuffix(m, "/") && strings.HasPrefix(pkg, m)
			})
			if !allowed {
				t.Errorf("%s imports %s, which is not below it", p.ImportPath, imp)
			}
			continue
		}
		if q := all[imp]; !q.Standard && (l.peer == "" || q.Module == nil || q.Module.Path != l.peer) {
			t.Errorf("%s imports %s, which the table does not allow there", p.ImportPath, imp)
		}
	}
	for _, dep := range p.Deps {
		q := all[dep]
		if _, ours := short(dep); l.core && !ours && !q.Standard {
			t.Errorf("%s reaches %s: the core uses the standard library only", p.ImportPath, dep)
		}
		if l.core && slices.Contains(notInCore, dep) {
			t.Errorf("%s reaches %s, which is kept out of the core", p.ImportPath, dep)
		}
		if !l.json && dep == "encoding/json" {
			t.Errorf("%s reaches encoding/json", p.ImportPath)
		}
	}
}

// TestLayerTableIsWhole fails when a row names a package that doesn't exist, since
// such a row would check nothing.
func TestLayerTableIsWhole(t *testing.T) {
	all := listPackages(t, "linux", "amd64")
	for _, l := range layers {
		path := strings.TrimSuffix(modulePath+"/"+l.pkg, "/")
		if _, ok := all[path]; !ok {
			t.Errorf("the layer table names %s, which does not exist", path)
		}
	}
}

// TestOneImporterOfEachPeer holds "the only importer of securecookie" and "the
// only importer of go-jose" for everything a user of the root module compiles.
func TestOneImporterOfEachPeer(t *testing.T) {
	importer := map[string]string{
		"github.com/gorilla/securecookie": "cookie/gorilla",
		"github.com/go-jose/go-jose/v4":   "cookie/jose",
	}
	for _, s := range goSources(t) {
		if s.test() || nested(s.path) {
			continue
		}
		for _, imp := range s.file.Imports {
			path := strings.Trim(imp.Path.Value, `"`)
			for peer, dir := range importer {
				if (path == peer || strings.HasPrefix(path, peer+"/")) && s.dir() != dir {
					t.Errorf("%s imports %s: only %s may", s.at(imp.Pos()), path, dir)
				}
			}
		}
	}
}

// TestRootModuleGraph names every module in the root module's graph. A peer of
// the benchmark, a test vector or a browser driver that shows up here would be
// downloaded and checked by every user.
func TestRootModuleGraph(t *testing.T) {
	want := []string{
		modulePath,
		"github.com/go-jose/go-jose/v4",
		"github.com/google/gofuzz", // named in securecookie's go.mod, for its own tests
		"github.com/gorilla/securecookie",
	}
	got := strings.Fields(goCommand(t, []string{"GOWORK=off"}, "list", "-m", "-f", "{{.Path}}", "all"))
	slices.Sort(got)
	slices.Sort(want)
	for _, m := range got {
		if !slices.Contains(want, m) {
			t.Errorf("module %s is in the root module's graph", m)
		}
	}
	for _, m := range want {
		if !slices.Contains(got, m) {
			t.Errorf("module %s is expected in the root module's graph and is not there: shorten the list", m)
		}
	}
}
