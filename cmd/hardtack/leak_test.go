package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
)

// barrierMAC is the MAC of an entry of the cookie of ended sessions, by docs/FORMAT.md.
func barrierMAC(key keyring.Key, sid, until string) string {
	h := hmac.New(sha256.New, key.Derive(keyring.Label{Purpose: "barrier", Name: cookie.DefaultName}))
	for _, part := range []string{sid, until} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// finds reports in which form a secret is in a text: as it is, in hex, or in base64 of
// either alphabet, at any of the three places that it can have in a longer text.
func finds(text, secret string) string {
	if strings.Contains(text, secret) {
		return "as it is"
	}
	if strings.Contains(strings.ToLower(text), hex.EncodeToString([]byte(secret))) {
		return "in hex"
	}
	for shift := range 3 {
		coded := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
		coded = coded[[]int{0, 2, 3}[shift]:]
		if (shift+len(secret))%3 != 0 {
			coded = coded[:len(coded)-1] // what follows the secret decides about it
		}
		if strings.Contains(strings.NewReplacer("-", "+", "_", "/").Replace(text), coded) {
			return "in base64"
		}
	}
	return ""
}

func TestFinds(t *testing.T) {
	const secret = "ada-lovelace\xfb\xff"
	for _, before := range []string{"", "x", "xy", "xyz"} {
		for _, after := range []string{"", "p", "pq", "pqr"} {
			all := before + secret + after
			for _, text := range []string{all, hex.EncodeToString([]byte(all)), fmt.Sprintf("%X", all),
				base64.StdEncoding.EncodeToString([]byte(all)), base64.RawURLEncoding.EncodeToString([]byte(all))} {
				if finds("<"+text+">", secret) == "" {
					t.Errorf("not found in %q", text)
				}
			}
		}
	}
	if where := finds("ada lovelace, 6164612d6c6f76 YWRhLWxvdmVs", secret); where != "" {
		t.Errorf("found %s where it is not", where)
	}
}

// No output has a secret or something of a user's: not of any cookie, not of a command
// that changes keys, not of a command line with a secret in the wrong place.
func TestE55_NothingLeaks(t *testing.T) {
	dir := t.TempDir()
	keys, broken, seal := filepath.Join(dir, "keys.json"), filepath.Join(dir, "broken.json"), sealed(t, keySet, cookie.DefaultName, "", session())
	root := "kzDIGM5A0v2uyLJsyyXEx7-GDW2ENWHH-DMs3BAO3kA"
	for name, text := range map[string]string{keys: keySet, broken: strings.Replace(keySet, root, root+"AA", 1)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secrets := map[string]string{
		"the user": user, "who is behind": actor, "a value": datum, "the session's id": sid, "the stamp": stp,
		"the cookie": seal, "the ciphertext": strings.Split(seal, ".")[3][:24], "the root key's text": root,
	}
	raw := func(text string) string {
		b, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	secrets["the session's id, decoded"], secrets["the stamp, decoded"] = raw(sid), raw(stp)
	for _, key := range ring(t, keySet).Keys() {
		for _, purpose := range []string{"seal", "nonce", "barrier", "ticket", "ticket-nonce"} {
			secrets[purpose+" subkey of "+key.ID()] = string(key.Derive(keyring.Label{Purpose: purpose, Name: cookie.DefaultName}))
		}
		for _, purpose := range []string{"stamp", "id"} {
			secrets[purpose+" subkey of "+key.ID()] = string(key.Derive(keyring.Label{Purpose: purpose}))
		}
	}
	secrets["the primary root key"], secrets["the fallback root key"] = raw(root), raw("o0hQsHcBqTQ0bJ4kQ7iVCKPH5T0jfd0ZPt2BHMKh1Uc")

	var calls []called
	text, json := inspectAll(t)
	for name := range text {
		if !strings.HasPrefix(name, "ok-show") {
			calls = append(calls, text[name], json[name])
		}
	}
	for _, args := range [][]string{
		{"keys", "list", keys}, {"keys", "list", broken}, {"keys", "rotate", broken}, {"keys", "export", broken}, {"keys", "print", broken},
		{"keys", "add", keys}, {"keys", "promote", keys, "BBECAwQ"}, {"keys", "promote", keys, "AAECAwQ"}, {"keys", "retire", keys, "AAECAwQ"},
		{"keys", "retire", keys, root}, {"keys", "promote", keys, root}, {"keys", "rotate", keys, "--replace", root}, {"keys", "retire", keys, "-" + root},
		{"keys", "list", keys, root}, {"keys", root}, {root}, {"--" + root}, {"-" + root}, {"help", root}, {"keys", "rotate", keys, "--life", root},
		{"keys", "add", keys, "--activate", root}, {"keys", "export", keys, "--purpose", root}, {"keys", "export", keys, "--cookie", root + ";"},
		{"keys", "print", keys, "--format", root}, {"keys", "print", keys, "--name", root + "="}, {"completion", root}, {"schedule", root},
		{"schedule", "new", "--open", root}, {"inspect", seal}, {"inspect", "--" + seal}, {"inspect", "--now", seal}, {"inspect", "--cookie", seal + ";"},
		{"doctor", "https://x:" + root + "@example.com/"}, {"doctor", root}, {"doctor", "https://127.0.0.1:1/?token=" + root},
		{"keys", "rotate", keys}, {"keys", "rotate", keys, "--replace", "AAECAwQ"}, {"keys", "rotate", keys, "--replace-all"},
	} {
		calls = append(calls, call(seal, args...), call(seal, append(args, "--json")...))
	}
	for _, c := range calls {
		for what, secret := range secrets {
			for where, text := range map[string]string{"output": c.out, "diagnostics": c.diag} {
				if form := finds(text, secret); form != "" {
					t.Errorf("%q: %s has %s %s:\n%s", c.args, where, what, form, text)
				}
			}
		}
	}

	// The search finds what is there.
	if finds(text["ok-show"].out, user) == "" || finds(json["ok-show"].out, datum) == "" {
		t.Error("--show shows nothing")
	}
	if shown, _ := inspectAll(t, "--show"); finds(shown["ok-impersonated"].out, actor) == "" {
		t.Error("--show doesn't show who is behind a session")
	} else if finds(shown["ok"].out, stp)+finds(shown["ok"].out, sid) != "" {
		t.Error("--show shows the session's id or stamp")
	}
}
