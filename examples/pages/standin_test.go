package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const modulePath = "github.com/hardtack-go/hardtack"

// TestMain is a program of a page where a shop runs this test as one.
func TestMain(m *testing.M) {
	name := os.Getenv("PAGES_STAND_IN")
	if name == "" {
		code := m.Run()
		os.RemoveAll(workshop.dir)
		os.Exit(code)
	}
	act := standIns[name]
	if name == "script" {
		act = script
	}
	// What it runs itself is the real thing.
	os.Unsetenv("PAGES_STAND_IN")
	os.Setenv("PATH", os.Getenv("PAGES_PATH"))
	err := act(os.Args[1:])
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "%s %s: %v\n", name, strings.Join(os.Args[1:], " "), err)
		os.Exit(3)
	}
	os.Exit(0)
}

// standIns are the programs that pages call and that are not run as they are: they would
// serve until somebody ends them, take minutes, or ask the network. Each one says whether
// what it is asked for exists.
var standIns = map[string]func(args []string) error{
	"hardtack": hardtack,
	"kid":      kid,
	"go":       goCommand,
	"npm":      npm,
	"npx":      npx,
	"zip":      zip,
	"curl":     curl,
	"caddy":    caddy,
	"nginx":    nginx,
	"python3":  python,
	"kubectl":  kubectl,
	"gcloud":   gcloud,
	// They are about the clock of the reader's machine, and nothing of ours is in them.
	"chronyc": func([]string) error { return nil },
	"sudo":    func([]string) error { return nil },
}

// run runs a real program with the standard input and outputs.
func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// output runs a real program and returns what it prints.
func output(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

func exists(path string) error {
	_, err := os.Stat(path)
	return err
}

// script is a script of the repository, which exists.
func script([]string) error { return nil }

// hardtack is the real one, except where it would ask the network: then it is only asked to
// read its flags.
func hardtack(args []string) error {
	tool := os.Getenv("PAGES_HARDTACK")
	if len(args) > 0 && (args[0] == "doctor" || args[0] == "fleet") || os.Getenv("PAGES_HELP") != "" {
		help, err := output(tool, append(args, "-h")...)
		if err != nil {
			return err
		}
		// A group answers with its own help to a command that it doesn't have.
		usage := regexp.MustCompile(`(?m)^Usage:\n +(hardtack[a-z ]*)`).FindStringSubmatch(help)
		if usage == nil {
			return errors.New("the help has no usage")
		}
		words := strings.Fields(usage[1])[1:]
		if len(args) < len(words) || !slices.Equal(words, args[:len(words)]) {
			return fmt.Errorf("it explains %s", usage[1])
		}
		if len(args) > len(words) && strings.Contains(help, "Available Commands") && !strings.HasPrefix(args[len(words)], "-") {
			return fmt.Errorf("%s has no command %s", usage[1], args[len(words)])
		}
		return nil
	}
	return run(tool, args...)
}

// kid prints the id of a key of keys.json by its role.
func kid(args []string) error {
	out, err := output(os.Getenv("PAGES_HARDTACK"), "keys", "list", "keys.json", "--json")
	if err != nil {
		return err
	}
	var listed struct{ Keys []struct{ Kid, Role string } }
	if err := json.Unmarshal([]byte(out), &listed); err != nil {
		return err
	}
	for i, k := range listed.Keys {
		if k.Role == args[0] || args[0] == "oldest" && i == len(listed.Keys)-1 {
			fmt.Println(k.Kid)
			return nil
		}
	}
	return fmt.Errorf("no key is %s", args[0])
}

func goCommand(args []string) error {
	if len(args) == 0 {
		return errors.New("which command?")
	}
	rest := args[1:]
	switch args[0] {
	case "mod":
		if slices.Equal(rest, []string{"tidy"}) {
			return tidy()
		}
		return run("go", args...)
	case "run":
		if len(rest) == 0 {
			return errors.New("which package?")
		}
		if err := program(rest[0]); err != nil {
			return err
		}
		return flags(rest[0], rest[1:])
	case "install":
		if len(rest) != 1 {
			return errors.New("want one package")
		}
		name, _, _ := strings.Cut(rest[0], "@") // it isn't published yet
		if below, ok := strings.CutPrefix(name, modulePath); ok {
			name = os.Getenv("PAGES_ROOT") + below
		}
		return program(name)
	case "build":
		// -n prints what would be done.
		if _, err := output("go", append([]string{"build", "-n"}, rest...)...); err != nil {
			return err
		}
		if i := slices.Index(rest, "-o"); i >= 0 {
			return os.WriteFile(rest[i+1], nil, 0o600)
		}
		return nil
	case "test":
		return tests(rest)
	case "tool":
		return tool(rest)
	}
	return errors.New("the stand-in doesn't know this command")
}

// program reports whether there is a program in a folder.
func program(dir string) error {
	cmd := exec.Command("go", "list", "-e", "-find", "-f", "{{.Name}}", ".")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	name := strings.TrimSpace(string(out))
	if err == nil && name != "main" {
		err = fmt.Errorf("%s is package %q", dir, name)
	}
	return err
}

// flags reports whether a package defines these flags.
func flags(dir string, args []string) error {
	known, err := defined(dir)
	if err != nil {
		return err
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if arg == "-h" { // e2e's TestPrograms sees to it that every program has it
			continue
		}
		if strings.HasPrefix(arg, "-") && !slices.Contains(known, name) {
			return fmt.Errorf("%s has no flag %s: it has %q", dir, name, known)
		}
	}
	return nil
}

// defined lists the flags that a package defines.
func defined(dir string) (names []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	define := regexp.MustCompile(`^(Bool|String|Int|Int64|Uint|Uint64|Float64|Duration|Func|BoolFunc|Text)?(Var)?$`)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || !define.MatchString(f.Sel.Name) {
				return true
			}
			for _, arg := range call.Args[:min(2, len(call.Args))] {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					name, _ := strconv.Unquote(lit.Value)
					names = append(names, name)
					break
				}
			}
			return true
		})
	}
	return names, nil
}

// tests reports whether there are packages of these names, and tests in them that -run and
// -bench choose.
func tests(args []string) error {
	var packages, own []string
	chosen := map[string]string{}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-run", "-bench":
			if i++; i == len(args) {
				return errors.New("which tests?")
			}
			chosen[args[i-1]] = args[i]
		case "-v":
		default:
			if strings.HasPrefix(args[i], "-") {
				own = append(own, args[i])
			} else {
				packages = append(packages, args[i])
			}
		}
	}
	out, err := output("go", append([]string{"list", "-find", "-f", "{{.Dir}}"}, packages...)...)
	if err != nil {
		return err
	}
	names := map[string][]string{}
	for _, dir := range strings.Fields(out) {
		if err := flags(dir, own); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, m := range regexp.MustCompile(`(?m)^func ((Test|Benchmark)\w+)\(`).FindAllSubmatch(text, -1) {
				kind := map[string]string{"Test": "-run", "Benchmark": "-bench"}[string(m[2])]
				names[kind] = append(names[kind], string(m[1]))
			}
		}
	}
	for flag, pattern := range chosen {
		// Each alternative finds something.
		for _, part := range strings.Split(pattern, "|") {
			re, err := regexp.Compile(part)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(names[flag], re.MatchString) {
				return fmt.Errorf("%s %s chooses nothing", flag, part)
			}
		}
	}
	return nil
}

// tool reports whether the file that pins the tools has this one.
func tool(args []string) error {
	if len(args) < 2 || !strings.HasPrefix(args[0], "-modfile=") {
		return errors.New("want -modfile and a tool")
	}
	if os.Getenv("GOWORK") != "off" {
		return errors.New("-modfile needs GOWORK=off")
	}
	text, err := os.ReadFile(strings.TrimPrefix(args[0], "-modfile="))
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if path.Base(strings.TrimSpace(line)) == args[1] {
			return nil
		}
	}
	return fmt.Errorf("%s isn't there", args[1])
}

// tidy reports whether every module of ours that the program imports is in go.mod, and
// replaced by a folder that has it. The rest is the go command's, and asks the network.
func tidy() error {
	out, err := output("go", "mod", "edit", "-json")
	if err != nil {
		return err
	}
	var mod struct {
		Require []struct{ Path string }
		Replace []struct{ Old, New struct{ Path string } }
	}
	if err := json.Unmarshal([]byte(out), &mod); err != nil {
		return err
	}
	required := map[string]string{}
	for _, r := range mod.Require {
		for _, p := range mod.Replace {
			if p.Old.Path == r.Path {
				text, err := os.ReadFile(filepath.Join(p.New.Path, "go.mod"))
				if err != nil {
					return err
				}
				if !bytes.HasPrefix(text, []byte("module "+r.Path+"\n")) {
					return fmt.Errorf("%s is another module than %s", p.New.Path, r.Path)
				}
				required[r.Path] = p.New.Path
			}
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("there is no Go here"))
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if !strings.HasPrefix(name, modulePath) {
				continue
			}
			module := name // the nearest one, which the longest path names
			for module != modulePath && exists(filepath.Join(os.Getenv("PAGES_ROOT"), strings.TrimPrefix(module, modulePath), "go.mod")) != nil {
				module = path.Dir(module)
			}
			if required[module] == "" {
				return fmt.Errorf("%s imports %s, and %s isn't in go.mod", file, name, module)
			}
		}
	}
	return nil
}

func npm(args []string) error {
	switch {
	case len(args) >= 1 && args[0] == "ci":
		return errors.Join(exists("package.json"), exists("package-lock.json"))
	case len(args) == 2 && args[0] == "install":
		return exists(filepath.Join(args[1], "package.json"))
	}
	return errors.New("the stand-in doesn't know this command")
}

// npx knows one program. Its configuration is there, and so is each variable that it reads.
func npx(args []string) error {
	if len(args) != 3 || args[0] != "workerd" || args[1] != "serve" {
		return errors.New("the stand-in knows workerd serve FILE")
	}
	text, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	for _, m := range regexp.MustCompile(`embed "([^"]+)"`).FindAllSubmatch(text, -1) {
		if err := exists(string(m[1])); err != nil {
			return err
		}
	}
	for _, m := range regexp.MustCompile(`fromEnvironment = "(\w+)"`).FindAllSubmatch(text, -1) {
		name := string(m[1])
		// "in another shell, with that line": the one that the program before it prints.
		program, _ := os.ReadFile("main.go")
		if _, ok := os.LookupEnv(name); !ok && !bytes.Contains(program, []byte("export "+name)) {
			return fmt.Errorf("nothing sets %s", name)
		}
	}
	return nil
}

func zip(args []string) error {
	for _, name := range args[1:] {
		if err := exists(name); err != nil {
			return err
		}
	}
	return nil
}

// curl answers with a date, as every server does. A path of this machine is one that the
// program in this folder serves.
func curl(args []string) error {
	url := args[len(args)-1]
	if own, ok := strings.CutPrefix(url, "http://127.0.0.1:8787"); ok {
		files, err := filepath.Glob("*.[gm][oj]*")
		if err != nil {
			return err
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(`"`+own+`"`)) {
				return nil
			}
		}
		return fmt.Errorf("nothing here serves %s", own)
	}
	fmt.Print("HTTP/2 200\r\ndate: Sun, 01 Nov 2026 00:00:00 GMT\r\n")
	return nil
}

// find returns the path of a program which .ci/run installs. Elsewhere it may be missing.
func find(names ...string) (path string, err error) {
	for _, name := range names {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	if os.Getenv("HARDTACK_CI") != "1" {
		err = nil
	}
	return "", err
}

func caddy(args []string) error {
	if len(args) != 3 || args[0] != "run" || args[1] != "--config" {
		return errors.New("the stand-in knows caddy run --config FILE")
	}
	if err := exists(args[2]); err != nil {
		return err
	}
	program, err := find("caddy")
	if program == "" {
		return err
	}
	return run(program, "validate", "--adapter", "caddyfile", "--config", args[2])
}

func nginx(args []string) error {
	i := slices.Index(args, "-c")
	if i < 0 || i+1 == len(args) {
		return errors.New("the stand-in needs a configuration")
	}
	if err := exists(args[i+1]); err != nil {
		return err
	}
	program, err := find("nginx", "/usr/sbin/nginx")
	if program == "" {
		return err
	}
	return run(program, "-t", "-p", os.Getenv("PAGES_ROOT"), "-c", args[i+1], "-e", "stderr")
}

// python knows the server that every Python has.
func python(args []string) error {
	if len(args) != 5 || args[0] != "-m" || args[1] != "http.server" || args[3] != "--bind" {
		return errors.New("the stand-in knows python3 -m http.server PORT --bind ADDRESS")
	}
	_, err := strconv.Atoi(args[2])
	return err
}

// kubectl reads a Secret.
func kubectl(args []string) error {
	if !slices.Equal(args, []string{"apply", "-f", "-"}) {
		return errors.New("the stand-in knows kubectl apply -f -")
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil || len(text) == 0 && os.Getenv("PAGES_HELP") != "" {
		return err
	}
	var object struct {
		Kind             string
		Data, StringData map[string]string
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		return err
	}
	if object.Kind != "Secret" || len(object.Data)+len(object.StringData) == 0 {
		return fmt.Errorf("a %q without data", object.Kind)
	}
	return nil
}

// gcloud deploys the function of examples/cloudrun, whose name is in its code.
func gcloud(args []string) error {
	i := slices.Index(args, "--function")
	if len(args) < 3 || args[0] != "run" || args[1] != "deploy" || i < 0 || i+1 == len(args) {
		return errors.New("the stand-in knows gcloud run deploy … --function NAME")
	}
	text, err := os.ReadFile(filepath.Join(os.Getenv("PAGES_ROOT"), "examples/cloudrun/function.go"))
	if err == nil && !bytes.Contains(text, []byte(`functions.HTTP("`+args[i+1]+`"`)) {
		err = fmt.Errorf("no function %s", args[i+1])
	}
	return err
}
