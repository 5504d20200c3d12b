package next_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The part of the WHATWG URL standard (url.spec.whatwg.org, "basic URL parser")
// that decides where a browser goes: the states from "scheme start" to "port".
// It is written from the standard and shares nothing with Safe, which is
// the point: the fuzz target in next_test.go holds one against the other.

// place is what a URL resolves to. An opaque scheme (javascript:, data:, file:)
// has no host.
type place struct {
	Scheme, Host string // Host with a port that is not the default
	Creds        bool
}

func (p place) origin() string { return p.Scheme + "://" + p.Host }

var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// resolve parses input against a base with a special scheme and a host. It
// reports false where the standard returns failure.
func resolve(base place, input string) (place, bool) {
	input = strings.TrimFunc(input, func(r rune) bool { return r <= 0x20 })
	input = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(input)

	slash := func(s string) bool { return s != "" && (s[0] == '/' || s[0] == '\\') }
	scheme, rest := scheme(input)
	switch {
	case scheme == "":
		scheme = base.Scheme
		if !slash(rest) || !slash(rest[1:]) {
			return base, true
		}
	case scheme == "file" || defaultPorts[scheme] == "":
		return place{Scheme: scheme}, true
	case scheme == base.Scheme && !strings.HasPrefix(rest, "//"):
		// "special relative or authority" falls to "relative".
		if !slash(rest) || !slash(rest[1:]) {
			return base, true
		}
	}
	// "special authority ignore slashes"
	rest = strings.TrimLeft(rest, `/\`)
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		rest = rest[:i]
	}
	p := place{Scheme: scheme}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		p.Creds = strings.Trim(rest[:i], ":") != ""
		rest = rest[i+1:]
	}
	host, port := rest, ""
	bracket := strings.LastIndexByte(rest, ']')
	if i := strings.IndexByte(rest[bracket+1:], ':'); i >= 0 {
		host, port = rest[:bracket+1+i], rest[bracket+1+i+1:]
	}
	for len(port) > 1 && port[0] == '0' {
		port = port[1:]
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 64); err != nil || n > 65535 || port[0] == '+' {
			return place{}, false
		}
	}
	host, ok := domain(host)
	if !ok {
		return place{}, false
	}
	p.Host = host
	if port != "" && port != defaultPorts[scheme] {
		p.Host += ":" + port
	}
	return p, true
}

func scheme(s string) (scheme, rest string) {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		letter := 'a' <= c && c <= 'z'
		switch {
		case s[i] == ':' && i > 0:
			return strings.ToLower(s[:i]), s[i+1:]
		case letter, i > 0 && ('0' <= s[i] && s[i] <= '9' || strings.IndexByte("+-.", s[i]) >= 0):
		default:
			return "", s
		}
	}
	return "", s
}

// domain is the host parser. Names beyond ASCII are marked and not mapped:
// whatever they map to, Safe must not have accepted them.
func domain(host string) (string, bool) {
	if host == "" {
		return "", false
	}
	if host[0] == '[' {
		if host[len(host)-1] != ']' || strings.ContainsFunc(host[1:len(host)-1], func(r rune) bool {
			return !strings.ContainsRune("0123456789abcdefABCDEF:.", r)
		}) {
			return "", false
		}
		return strings.ToLower(host), true
	}
	var b strings.Builder
	for i := 0; i < len(host); i++ {
		if host[i] == '%' && i+2 < len(host) {
			if raw, err := hex.DecodeString(host[i+1 : i+3]); err == nil {
				b.WriteByte(raw[0])
				i += 2
				continue
			}
		}
		b.WriteByte(host[i])
	}
	host = strings.ToLower(b.String())
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c >= 0x80:
			return "(beyond ASCII)", true
		case c <= 0x20, c == 0x7f, strings.IndexByte("#/:<>?@[\\]^|%", c) >= 0:
			return "", false
		}
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if _, ok := number(last); !ok && strings.Trim(last, "0123456789") != "" || last == "" {
		return host, true
	}
	if len(labels) > 4 {
		return "", false
	}
	var v uint64
	for i, l := range labels {
		n, ok := number(l)
		if !ok || i < len(labels)-1 && n > 255 || i == len(labels)-1 && n >= 1<<(8*(5-len(labels))) {
			return "", false
		}
		if i == len(labels)-1 {
			v |= n
		} else {
			v |= n << (24 - 8*i)
		}
	}
	var out []string
	for i := 24; i >= 0; i -= 8 {
		out = append(out, strconv.Itoa(int(v>>i&255)))
	}
	return strings.Join(out, "."), true
}

func number(s string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"), strings.HasPrefix(s, "0X"):
		s, base = s[2:], 16
		if s == "" {
			return 0, true
		}
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	if strings.ContainsAny(s, "+-_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, base, 40)
	return n, err == nil
}

// TestS6_5_Resolver holds the resolver of the tests against what a browser's
// parser answered (testdata/whatwg.json, written by testdata/whatwg.mjs).
func TestS6_5_Resolver(t *testing.T) {
	raw, err := os.ReadFile("testdata/whatwg.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Base, Input, Scheme, Host string
		Creds, Failure            bool
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 300 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		scheme, host, _ := strings.Cut(row.Base, "://")
		got, ok := resolve(place{Scheme: scheme, Host: host}, row.Input)
		want := place{Scheme: row.Scheme, Host: row.Host, Creds: row.Creds}
		if got.Host == "(beyond ASCII)" {
			continue // mapped by IDNA there, marked here
		}
		if ok == row.Failure || ok && got != want {
			t.Errorf("%q on %s = %+v, %v; a browser says %+v, failure %v", row.Input, row.Base, got, ok, want, row.Failure)
		}
	}
}
