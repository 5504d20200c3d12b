package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed child/main.go
var source []byte

// renames lists names that the child uses, and what older revisions call them.
var renames = strings.NewReplacer("cookie.JWE(", "cookie.NewJWE(")

// build builds the child in a revision, or in the working tree if rev is empty, and
// returns the path of the program. All files it needs are in dir.
func build(ctx context.Context, rev, dir string) (bin string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tree, err := git(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", err
	}
	if rev != "" {
		tree = filepath.Join(dir, "tree")
		if _, err := git(ctx, "worktree", "add", "--detach", "--quiet", tree, rev); err != nil {
			return "", err
		}
		// Do this even if ctx is cancelled: the repository must forget the tree.
		defer git(context.WithoutCancel(ctx), "worktree", "remove", "--force", tree)
	}
	bin = filepath.Join(dir, "child")
	failed := compile(ctx, tree, dir, bin, source)
	if failed != nil {
		if compile(ctx, tree, dir, bin, []byte(renames.Replace(string(source)))) != nil {
			return "", failed
		}
	}
	return bin, nil
}

// compile builds program as a package of the root module in tree. An overlay
// puts it there, so that nothing is written into the tree.
func compile(ctx context.Context, tree, dir, bin string, program []byte) error {
	file, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(tree, "versuschild", "main.go"): file}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(file, program, 0o644), os.WriteFile(overlay, list, 0o644)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", bin, "./versuschild")
	cmd.Dir, cmd.Env = tree, append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(out))
	}
	return nil
}

// A child is a running program.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(ctx context.Context, bin string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, bin)}
	c.cmd.Stderr = os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := c.out.ReadString('\n'); err != nil { // it is ready
		c.close()
		return nil, errors.Join(errors.New("the child did not start"), err)
	}
	return c, nil
}

func (c *child) close() {
	c.in.Close()
	c.cmd.Wait()
}

func (c *child) ask(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		return "", err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSpace(line)
	if text, failed := strings.CutPrefix(line, "error: "); failed {
		return "", errors.New(text)
	}
	return line, nil
}

// run makes the child do something n times and returns how long that took.
func (c *child) run(name string, n int) (time.Duration, error) {
	line, err := c.ask("run %s %d", name, n)
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(line + "ns")
}

// allocs returns what doing it once allocates.
func (c *child) allocs(name string) (count, bytes int, err error) {
	line, err := c.ask("allocs %s", name)
	if err == nil {
		_, err = fmt.Sscan(line, &count, &bytes)
	}
	return count, bytes, err
}
