package contest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrNoNode is returned when there is no Node to compare with.
var ErrNoNode = errors.New("node and npm are not installed: iron-session, jose and @auth/core left out")

// NodeCases lists the contestants that run in the Node process, with what they
// don't do.
var NodeCases = []struct{ Name, Lacks string }{
	{"iron-session", "Node; CBC+HMAC, PBKDF2 on every call, no absolute timeout"},
	{"jose", "Node; tokens only: no session, no idle timeout"},
	{"@auth/core", "Node; sliding expiry only, HKDF on every call"},
}

// Node is a running Node process. It is timed by its own clock, so the pipe between
// the processes doesn't count. It does one job at a time.
type Node struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartNode installs the packages in dir's lock file, once, and starts the process.
func StartNode(dir string) (*Node, error) {
	node, err1 := exec.LookPath("node")
	npm, err2 := exec.LookPath("npm")
	if err1 != nil || err2 != nil {
		return nil, ErrNoNode
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "iron-session")); err != nil {
		ci := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		ci.Dir = dir
		if out, err := ci.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm ci: %w\n%s", err, out)
		}
	}
	n := &Node{cmd: exec.Command(node, "bench.mjs")}
	n.cmd.Dir, n.cmd.Stderr = dir, os.Stderr
	in, err1 := n.cmd.StdinPipe()
	out, err2 := n.cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	n.in, n.out = in, bufio.NewReader(out)
	return n, n.cmd.Start()
}

// Do makes a case do op (verify, seal, forged or garbage) count times. It returns the
// time that took and the length of name=value.
func (n *Node) Do(name, op string, count, data int) (time.Duration, int, error) {
	job, err := json.Marshal(map[string]any{"case": name, "op": op, "n": count, "data": data})
	if err != nil {
		return 0, 0, err
	}
	if _, err := n.in.Write(append(job, '\n')); err != nil {
		return 0, 0, err
	}
	line, err := n.out.ReadBytes('\n')
	if err != nil {
		return 0, 0, err
	}
	var answer struct {
		NS    int64
		Bytes int
		Error string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return 0, 0, err
	}
	if answer.Error != "" {
		return 0, 0, errors.New(answer.Error)
	}
	return time.Duration(answer.NS), answer.Bytes, nil
}

// Close ends the process.
func (n *Node) Close() error {
	n.in.Close()
	return n.cmd.Wait()
}
