package pages

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver
)

// A schema is what the blocks of a page come to.
type schema struct {
	tables     []string
	statements map[string][]string // by the first word of the comment above them
}

// parse takes the comments off, and the statements apart.
func parse(t *testing.T, blocks []block) schema {
	s := schema{statements: map[string][]string{}}
	name, text := "", ""
	for _, b := range blocks {
		for _, line := range strings.Split(b.text, "\n") {
			code, comment, _ := strings.Cut(line, "--")
			if code == "" && comment != "" {
				if word := regexp.MustCompile(`^ ([A-Z]\w+)`).FindStringSubmatch(comment); word != nil {
					if name = word[1]; strings.HasPrefix(comment, " Save, with another") {
						name = "Save another"
					}
				}
				continue
			}
			text += code + "\n"
			if !strings.HasSuffix(strings.TrimSpace(code), ";") {
				continue
			}
			if text = strings.TrimSpace(text); strings.HasPrefix(text, "CREATE TABLE") {
				s.tables = append(s.tables, text)
			} else {
				s.statements[name] = append(s.statements[name], text)
			}
			text = ""
		}
		if strings.TrimSpace(text) != "" {
			t.Fatalf("%s:%d: the last statement doesn't end", b.page, b.line)
		}
	}
	return s
}

// checkSQL runs the statements of docs/SIGNIN.md in SQLite, as its text says, and has
// PostgreSQL prepare them as they are.
func checkSQL(t *testing.T, blocks []block) {
	s := parse(t, blocks)
	t.Run("SQLite", func(t *testing.T) { s.inSQLite(t) })
	t.Run("PostgreSQL", func(t *testing.T) { s.inPostgreSQL(t) })
}

func (s schema) inSQLite(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // the pragma is for a connection
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "SIGNIN.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile("In SQLite, make the\\s+id of users an `([^`]+)`(?:, and say `([^`]+)`)?").FindStringSubmatch(string(page))
	if said == nil {
		t.Fatal("the page doesn't say what is different in SQLite")
	}
	if _, err := db.Exec(said[2]); err != nil {
		t.Fatal(err)
	}
	adapt := strings.NewReplacer("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", said[1], " FOR SHARE", "").Replace
	for _, table := range s.tables {
		if _, err := db.Exec(adapt(table)); err != nil {
			t.Fatalf("%v\n%s", err, table)
		}
	}
	used := map[string]int{}
	// does runs one of the statements under a name. rows is how many it changes, or -1 if it
	// must fail.
	does := func(name string, i int, rows int64, args ...any) {
		t.Helper()
		if i >= len(s.statements[name]) {
			t.Fatalf("no statement %d under %q", i, name)
		}
		used[name] = max(used[name], i+1)
		result, err := db.ExecContext(context.Background(), adapt(s.statements[name][i]), args...)
		got := int64(-1)
		if err == nil {
			got, err = result.RowsAffected()
		}
		if got != rows {
			t.Errorf("%s, statement %d, changes %d rows, want %d: %v", name, i, got, rows, err)
		}
	}
	does("Create", 0, 1, "ann@example.com", "h1", "s1")
	does("Create", 0, -1, "ann@example.com", "h2", "s2")
	does("Create", 0, 1, "eve@example.com", "h", "s")

	does("SetPassword", 0, 1, "h2", "s2", 1, "s1", "h1", "ann@example.com")
	does("SetPassword", 0, 0, "h3", "s3", 1, "s1", "h1", "ann@example.com") // another was first
	does("SetPassword", 0, 0, "h3", "s3", 1, "s2", "h2", "old@example.com")
	does("Rehash", 0, 1, "h2+", 1, "h2")
	does("Rehash", 0, 0, "h2+", 1, "h2")
	does("Prove", 0, 1, 1, "s2", "ann@example.com")
	does("Prove", 0, 0, 1, "s1", "ann@example.com")
	does("SetEmail", 0, 1, "ann@example.org", "s3", 1, "s2", "ann@example.com")
	does("SetEmail", 0, 0, "ann@example.net", "s4", 1, "s3", "ann@example.com")
	does("SetEmail", 0, -1, "eve@example.com", "s4", 1, "s3", "ann@example.org")

	passkey := func(id, stamp string) []any {
		return []any{id, "handle", "phone", "2026-11-01", "{}", 1, stamp}
	}
	does("Save", 0, 0, passkey("p1", "s2")...)
	does("Save", 0, 1, passkey("p1", "s3")...)
	does("Save", 0, -1, passkey("p1", "s3")...)
	does("Save another", 0, 1, "phone", "2026-11-02", "{}", "p1", 1, 1)
	does("Save another", 0, 0, "phone", "2026-11-03", "{}", "p1", 1, 1)
	does("Remove", 0, 0, "p1", 2)
	does("Remove", 0, 1, "p1", 1)

	does("Connect", 0, 0, "https://id.example", "7", "id", 1, "s2")
	does("Connect", 0, 1, "https://id.example", "7", "id", 1, "s3")
	does("Connect", 0, -1, "https://id.example", "7", "id", 2, "s")

	does("Use", 0, 1, 1, "s3", 0, "ann@example.org")
	does("Use", 0, 0, 1, "s3", 0, "ann@example.org")

	// What was there before the address was proven goes.
	for _, name := range []string{"SetPassword", "Use"} {
		does("Save", 0, 1, passkey("p2", "s3")...)
		does(name, 1, 1, 1)
		does(name, 2, map[string]int64{"SetPassword": 1, "Use": 0}[name], 1)
		if name == "SetPassword" {
			does(name, 3, 1, 1)
		} else {
			does(name, 3, 1, "s4", 1)
		}
	}
	// What opens the account of a user who goes doesn't open that of the next one.
	does("Save", 0, 1, "p3", "handle", "phone", "2026-11-01", "{}", 2, "s")
	does("Connect", 0, 1, "https://id.example", "8", "id", 2, "s")
	if _, err := db.Exec(`DELETE FROM users WHERE id = 2`); err != nil {
		t.Fatal(err)
	}
	does("Create", 0, 1, "bob@example.com", "h", "s")
	for _, table := range []string{"passkeys", "connections"} {
		n := 0
		if err := db.QueryRow(`SELECT count(*) FROM ` + table + ` JOIN users ON users.id = user_id WHERE email = 'bob@example.com'`).Scan(&n); err != nil || n != 0 {
			t.Errorf("a new user has %d of the %s of a deleted one (%v)", n, table, err)
		}
	}
	for name, list := range s.statements {
		if used[name] != len(list) {
			t.Errorf("%d of %d statements under %q are run", used[name], len(list), name)
		}
	}
}

func (s schema) inPostgreSQL(t *testing.T) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // where Debian has it
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 && os.Getenv("HARDTACK_CI") == "1" {
		t.Fatal("postgresql is not installed, and HARDTACK_CI=1 says that it should be")
	} else if len(found) == 0 {
		t.Skip("postgresql is not installed")
	}
	slices.Sort(found)
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "pg") // t.TempDir is below a folder that only its owner enters
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	command := func(name string, args ...string) *exec.Cmd {
		args = append([]string{filepath.Join(bin, name)}, args...)
		if os.Geteuid() == 0 { // whom PostgreSQL refuses
			args = append([]string{"runuser", "-u", "nobody", "--"}, args...)
		}
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = dir
		return cmd
	}
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "nobody", dir).CombinedOutput(); err != nil {
			t.Fatalf("chown: %v\n%s", err, out)
		}
	}
	if out, err := command("initdb", "-D", dir+"/data", "-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	// A server for one, without a port: it reads a statement a line, and runs on after an error.
	var input strings.Builder
	line := func(text string) { fmt.Fprintln(&input, strings.Join(strings.Fields(text), " ")) }
	for _, table := range s.tables {
		line(table)
	}
	n := 0
	for _, list := range s.statements {
		for _, statement := range list {
			parameter := 0
			line(fmt.Sprintf("PREPARE s%d AS ", n) + regexp.MustCompile(`\?`).ReplaceAllStringFunc(statement, func(string) string {
				parameter++
				return fmt.Sprintf("$%d", parameter)
			}))
			n++
		}
	}
	line(`SELECT 'prepared ' || count(*) AS result FROM pg_prepared_statements;`)
	cmd := command("postgres", "--single", "-D", dir+"/data", "-F", "postgres")
	cmd.Stdin = strings.NewReader(input.String())
	out, err := cmd.CombinedOutput()
	if text := string(out); err != nil || strings.Contains(text, "ERROR:") || !strings.Contains(text, fmt.Sprintf(`"prepared %d"`, n)) {
		t.Errorf("%v\n%s\nread:\n%s", err, text, input.String())
	}
}
