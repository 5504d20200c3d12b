package policy_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNoticeIsWhole: NOTICE says of each file of data where it comes from, and names no
// file that doesn't exist. Data is what is below a folder testdata, what a program says it
// has written, and what has one of these endings.
func TestNoticeIsWhole(t *testing.T) {
	endings := []string{".json", ".txt", ".csv", ".svg", ".png", ".ico", ".woff2", ".wasm", ".pem", ".sum", ".bin", ".gz"}
	written := regexp.MustCompile(`(?m)^(// Code generated .* DO NOT EDIT\.|# Written by go generate)`)
	text, err := os.ReadFile(filepath.Join(root, "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for _, m := range regexp.MustCompile(`(?m)^([\w.-]+/)*[\w-]*[./][\w./-]*$`).FindAllString(string(text), -1) {
		if _, err := os.Stat(filepath.Join(root, m)); err != nil {
			t.Errorf("NOTICE names %s, which doesn't exist", m)
		}
		entries = append(entries, m)
	}
	if len(entries) < 10 {
		t.Fatalf("NOTICE has only %d entries: they have another form", len(entries))
	}
	used := map[string]bool{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		name := inRoot(path)
		i := slices.IndexFunc(entries, func(e string) bool { return e == name || strings.HasSuffix(e, "/") && strings.HasPrefix(name, e) })
		if i >= 0 {
			used[entries[i]] = true
			return nil
		}
		data := strings.Contains(name, "testdata/") ||
			slices.Contains(endings, filepath.Ext(name)) && d.Name() != "package.json"
		if !data && !strings.HasSuffix(name, ".md") {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data = d.Name() != "main.go" && name != "internal/policy/notice_test.go" && written.Match(text)
		}
		if data {
			t.Errorf("NOTICE doesn't say where %s comes from", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !used[e] {
			t.Errorf("NOTICE has %s, and no file for it", e)
		}
	}
}

// TestCommonPasswordsCarryTheirLicense: the license of the list is compiled into programs
// together with it, and stands next to it where programs that look for licenses find it.
func TestCommonPasswordsCarryTheirLicense(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(root, "signin/password/internal/common", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var head bytes.Buffer
	for line := range bytes.Lines(read("common.txt")) {
		if line[0] != '#' {
			break
		}
		head.Write(bytes.TrimPrefix(bytes.TrimPrefix(line, []byte("#")), []byte(" ")))
	}
	license := read("LICENSE")
	if !bytes.HasSuffix(head.Bytes(), license) || !bytes.Contains(license, []byte("Permission is hereby granted")) {
		t.Error("LICENSE isn't the end of the lines at the top of common.txt")
	}
}
