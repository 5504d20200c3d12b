package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
)

// pkg is what go list says of a package.
type pkg struct {
	ImportPath, Export string
	Standard           bool
	Imports            []string
}

// What each part adds to the first build of the demo, in packages that aren't in the
// standard library, and in bytes of what the compiler makes of all of them. Run it with -v
// to see the table.
func TestWeight(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-export", "-json=ImportPath,Export,Standard,Imports", ".")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]pkg{}
	root := ""
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath], root = p, p.ImportPath // the last is the demo
	}
	// reach returns the packages that the demo is built of, without some.
	reach := func(without ...string) map[string]bool {
		seen := map[string]bool{}
		for _, path := range without {
			if _, is := all[path]; !is {
				t.Errorf("the demo doesn't have %s", path)
			}
			seen[path] = true
		}
		for todo := []string{root}; len(todo) > 0; {
			path := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !seen[path] {
				seen[path] = true
				todo = append(todo, all[path].Imports...)
			}
		}
		for _, path := range without {
			delete(seen, path)
		}
		return seen
	}
	const us = "github.com/hardtack-go/hardtack"
	whole := reach()
	for _, row := range []struct {
		what    string
		without []string
		most    int // packages outside of the standard library
	}{
		{"all", []string{root}, 150},
		{"Harbour ID, the OpenID provider", []string{us + "/examples/internal/harbour"}, 60},
		{"SQLite", []string{"modernc.org/sqlite", "modernc.org/sqlite/lib"}, 20},
		{"-fleet", []string{us + "/fleet", us + "/fleet/sqlkv"}, 6},
	} {
		left := reach(row.without...)
		n, size := 0, int64(0)
		for path := range whole {
			if left[path] {
				continue
			}
			if !all[path].Standard {
				n++
			}
			if info, err := os.Stat(all[path].Export); err == nil { // package unsafe has no file
				size += info.Size()
			}
		}
		t.Logf("%3d packages, %5.1f MB: %s", n, float64(size)/1e6, row.what)
		if n == 0 || n > row.most {
			t.Errorf("%s: %d packages, want 1 to %d", row.what, n, row.most)
		}
	}
}
