package main

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// The whole way: two builds, two processes, a table with a row for every case.
func TestVersus(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	ctx := t.Context()
	if _, err := git(ctx, "rev-parse", "HEAD"); err != nil {
		if os.Getenv("HARDTACK_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip("not in a git repository")
	}
	var out strings.Builder
	if err := (options{old: "HEAD", rounds: 2, starts: 1, turn: 100 * time.Microsecond}).run(ctx, &out); err != nil {
		t.Fatal(err)
	}
	for _, c := range titles {
		if !strings.Contains(out.String(), c.title) {
			t.Errorf("no row for %s in\n%s", c.title, out.String())
		}
	}
	if list, err := git(ctx, "worktree", "list"); err != nil || strings.Contains(list, "hardtack-versus") {
		t.Errorf("the old revision's tree is still there: %v\n%s", err, list)
	}
}

// A revision that does not exist is an error.
func TestVersus_NoRevision(t *testing.T) {
	if err := (options{old: "no-such-revision"}).run(t.Context(), io.Discard); err == nil {
		t.Error("it was accepted")
	}
}
