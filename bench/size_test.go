package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/bench/contest"
)

// TestE72_Sizes: a WebAssembly program with the core stays small. The platforms that run
// such programs limit their size, and start a small one sooner.
//
// The limits are what the programs have and 1 % of room. What writes takes 48 KB: sealing,
// random numbers, cookies and barriers. A typed key takes 250 KB more, for encoding/json,
// for reflect, and for package time's parser, which encoding/json makes the linker keep.
// 37 KB of that is the search for a method Equal by its name.
func TestE72_Sizes(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the core for WebAssembly")
	}
	gzip, err := exec.LookPath("gzip")
	if err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal("gzip is not installed, and HARDTACK_CI=1 says that it should be")
		}
		t.Skip("gzip is not installed")
	}
	b := &bench{dir: "."}
	for _, program := range []struct {
		what, dir string
		most      int // bytes of js/wasm with gzip -9
	}{
		{"a program that verifies", "./start", 1_020_000},
		{"that also logs in and out", "./start/login", 1_070_000},
		{"that also has a typed key", "./start/typed", 1_330_000},
	} {
		for _, system := range []string{"js", "wasip1"} {
			path := filepath.Join(t.TempDir(), "wasm")
			if err := b.build(path, system, "wasm", program.dir); err != nil {
				t.Fatal(err)
			}
			packed, err := exec.Command(gzip, "-9", "--no-name", "--stdout", path).Output()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s, %s: %.3f MB", program.what, system, float64(len(packed))/1e6)
			if system == "js" && len(packed) > program.most {
				t.Errorf("%s: %d bytes, want at most %d", program.what, len(packed), program.most)
			}
		}
	}
}

// TestE72_ProgramsWork: the programs whose size counts do what they say.
func TestE72_ProgramsWork(t *testing.T) {
	keys, cookies, err := contest.Ticket()
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []struct {
		dir, want string
		lines     int
	}{{"./start", contest.UserID, 1}, {"./start/login", "__Host-session=", 3}, {"./start/typed", "__Host-session=", 3}} {
		out, err := exec.Command("go", "run", program.dir, keys, cookies, contest.PasswordHash).CombinedOutput()
		if lines := strings.Count(string(out), "\n"); err != nil || !strings.HasPrefix(string(out), program.want) || lines != program.lines {
			t.Errorf("%s: %v\n%s", program.dir, err, out)
		}
	}
}
