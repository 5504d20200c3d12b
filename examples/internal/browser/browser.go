// Package browser starts a Chromium for a test.
package browser

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// patience is how long a whole test may take in a browser. A machine that is busy with
// other tests is slow; nothing waits for so long in the good case.
const patience = 15 * time.Minute

// Program finds a program. Without it the test is skipped, or fails where the programs
// have been installed on purpose (HARDTACK_CI=1).
func Program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("HARDTACK_CI") == "1" {
		t.Fatalf("%s is not installed, and HARDTACK_CI=1 says that it should be", names[0])
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

// NPM runs npm in a folder, up to three times: a registry may be out of reach for a moment.
// If it stays so, the test is skipped, or fails where HARDTACK_CI=1.
func NPM(t *testing.T, dir string, args ...string) {
	t.Helper()
	Program(t, "node")
	npm := Program(t, "npm")
	for try := 1; ; try++ {
		cmd := exec.CommandContext(t.Context(), npm, append(args, "--ignore-scripts", "--no-audit", "--no-fund")...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		switch {
		case err == nil:
			return
		case try < 3:
			t.Logf("try %d: npm %q: %v\n%s", try, args, err, out)
			time.Sleep(time.Duration(try) * 10 * time.Second)
		case os.Getenv("HARDTACK_CI") == "1":
			t.Fatalf("npm %q: %v\n%s", args, err, out)
		default:
			t.Skipf("npm %q: %v\n%s", args, err, out)
		}
	}
}

// Open starts a browser with cookies of its own, and returns the context for
// chromedp.Do. hosts, if not empty, are the browser's host-resolver-rules.
//
// The profile is in a folder that chromedp makes. It ends what Chromium has left running
// before it removes the folder, and tries again while something still writes there.
// t.TempDir tries once, and fails the test.
func Open(t *testing.T, hosts string) context.Context {
	t.Helper()
	path := Program(t, "chromium", "chromium-browser", "google-chrome")
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(path),
		chromedp.Flag("headless", true),
		chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		// A tab that isn't in front is as quick as one that is.
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("ignore-certificate-errors", true), // the test server's certificate is its own
		chromedp.Flag("host-resolver-rules", hosts),
	)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(stop)
	return ctx
}
