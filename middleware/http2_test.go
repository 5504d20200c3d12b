package middleware_test

import (
	"os"
	"os/exec"
	"testing"
)

// secondRound reports whether TestHTTP2_WholeSuite is running the tests: then every
// server with TLS speaks HTTP/2. Servers without TLS, which tests speak to over raw
// TCP, have HTTP/1.1 only.
func secondRound() bool { return os.Getenv("HARDTACK_TEST_HTTP2") == "1" }

// TestHTTP2_WholeSuite runs every test of this package once more, over TLS and HTTP/2.
func TestHTTP2_WholeSuite(t *testing.T) {
	if secondRound() {
		t.Skip("this is the second round")
	}
	args := []string{"-test.short=" + map[bool]string{true: "true", false: "false"}[testing.Short()]}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "HARDTACK_TEST_HTTP2=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("over HTTP/2: %v\n%s", err, out)
	}
}

// TestHTTP2_SecondRound: the second round is what it says.
func TestHTTP2_SecondRound(t *testing.T) {
	a := newApp(t, nil)
	res, err := a.browser().Get(a.server.URL + "/untouched")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	want := map[bool]int{true: 2, false: 1}[secondRound()]
	expect(t, "major version", res.ProtoMajor, want)
}
