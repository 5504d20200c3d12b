// Generate writes common.txt, the list of common passwords, from the word list of
// another project, and LICENSE next to it. It downloads that project's module and
// checks its sum, so the result is the same every time.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	module = "github.com/trustelem/zxcvbn@v1.0.1"
	sum    = "h1:mp4JFtzdDYGj9WYSD3KQSkwwUumWNFzXaAjckaTYpsc="
	about  = `Passwords of eight characters or more that many people use, digits alone left out.
Written by go generate: don't edit it.

`
	notice = `The words are those of data/passwords.txt in ` + module + `, which is a
port of github.com/dropbox/zxcvbn, Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.
Both are under this license:

`
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Usage: go generate ./signin/password/internal/common\n\nDownloads the word list and writes common.txt to the current directory.")
	}
	if flag.Parse(); flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := download()
	if err != nil {
		return err
	}
	license, err := os.ReadFile(filepath.Join(dir, "LICENSE.txt"))
	if err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(dir, "data", "passwords.txt"))
	if err != nil {
		return err
	}
	var words []string
	for line := range strings.Lines(string(list)) {
		word, _, _ := strings.Cut(line, " ") // how often it was seen comes behind it
		word = strings.ToLower(word)
		if utf8.RuneCountInString(word) >= 8 && strings.Trim(word, "0123456789") != "" {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	words = slices.Compact(words)

	var out bytes.Buffer
	terms := notice + strings.TrimSpace(strings.ReplaceAll(string(license), "\r\n", "\n")) + "\n"
	for line := range strings.Lines(about + terms) {
		out.WriteString(strings.TrimRight("# "+line, " \r\n") + "\n")
	}
	out.WriteString(strings.Join(words, "\n") + "\n")
	return errors.Join(
		os.WriteFile("common.txt", out.Bytes(), 0o644),
		os.WriteFile("LICENSE", []byte(terms), 0o644),
	)
}

// download returns the directory of the module's sources.
func download() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir() // outside of this module, whose go.sum it would change
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go mod download: %w", err)
	}
	var got struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", err
	}
	if got.Sum != sum {
		return "", fmt.Errorf("%s has the sum %s, not %s", module, got.Sum, sum)
	}
	return got.Dir, nil
}
