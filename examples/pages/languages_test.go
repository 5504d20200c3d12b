package pages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hardtack-go/hardtack/auth"
	"github.com/hardtack-go/hardtack/examples/internal/browser"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/hardtack-go/hardtack/ssestore"
)

// loggedIn returns the Cookie header of a session of ann.
func loggedIn(t *testing.T, store *ssestore.Store) string {
	t.Helper()
	accounts, err := auth.New(auth.Config[string]{
		UserByID: func(_ context.Context, id string) (string, error) { return id, nil },
		ID:       func(u string) string { return u },
		Stamp:    func(u string) string { return u },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := store.Load(nil, time.Now())
	if err := ssestore.NewKey[string]("cart").Set(s, "ship's biscuit"); err != nil {
		t.Fatal(err)
	}
	if err := accounts.Login(t.Context(), s, "ann"); err != nil {
		t.Fatal(err)
	}
	out, err := s.Commit(200)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range out.SetCookie {
		if pair, _, _ := strings.Cut(line, ";"); strings.HasPrefix(pair, store.CookieName()+"=") {
			return pair
		}
	}
	t.Fatalf("no session in %q", out.SetCookie)
	return ""
}

// An around is what is around a block of Python or Ruby, in that language.
type around struct {
	begins        string
	before, after string
}

var python3 = []around{{
	begins: "SESSION_ENGINE = ",
	after: `
import importlib
from django.conf import global_settings, settings
from django.utils.module_loading import import_string
own = {name: value for name, value in globals().items() if name.isupper()}
assert all(hasattr(global_settings, name) for name in own) and len(own) == 2, own
settings.configure(**own)
assert importlib.import_module(SESSION_ENGINE).SessionStore
assert SESSION_SERIALIZER == global_settings.SESSION_SERIALIZER and import_string(SESSION_SERIALIZER)`,
}, {
	begins: "app.secret_key = ",
	before: `
import flask, os
os.environ["SECRET_KEY"] = "k"
app = flask.Flask("app")`,
	after: `assert app.session_interface.get_signing_serializer(app)`,
}, {
	begins: "reader = hardtack.Reader(",
	before: `
import json, os, sys, types
sys.path.insert(0, os.environ["READERS"])
import hardtack
request = types.SimpleNamespace(headers={"Cookie": os.environ["VISIT"]})`,
	after: `assert verdict == "ok" and session["user"] == "ann", verdict`,
}, {
	// It is quoted beside the same in Go. The base classes are Plain's.
	begins: "class Members(AuthViewMixin, TemplateView):",
	before: `
class AuthViewMixin:
    def check_auth(self): pass
class TemplateView: pass
class PermissionDenied(Exception): pass
from types import SimpleNamespace`,
	after: `
view = Members()
view.user = SimpleNamespace(paid=True)
view.check_auth()
view.user.paid = False
try:
    view.check_auth()
except PermissionDenied:
    pass
else:
    raise AssertionError`,
}}

var ruby = []around{{
	begins: "Rails.application.config.session_store ",
	before: `
require "ostruct"
require "action_dispatch"
module Rails
  Config = Struct.new(:store, :action_dispatch) do
    def session_store(*store) = self.store = store
  end
  CONFIG = Config.new(nil, OpenStruct.new)
  def self.application = OpenStruct.new(config: CONFIG)
end`,
	after: `
store = Rails::CONFIG.store
raise store.inspect unless ActionDispatch::Session.const_get(store[0].to_s.split("_").map(&:capitalize).join) == ActionDispatch::Session::CookieStore && store[1].keys == [:key]
raise "serializer" unless ActionDispatch::Cookies::COOKIES_SERIALIZER == "action_dispatch.cookies_serializer" && Rails::CONFIG.action_dispatch.cookies_serializer == :json`,
}, {
	begins: "READER = Hardtack::Reader.new(",
	before: `
require "json"
require ENV.fetch("READERS") + "/hardtack"
request = Struct.new(:headers).new({ "Cookie" => ENV.fetch("VISIT") })`,
	after: `raise verdict unless verdict == "ok" && session[:user] == "ann"`,
}}

func checkPython(t *testing.T, blocks []block) {
	interpret(t, blocks, "python3", "-c", "import cryptography, django, flask", python3)
}

func checkRuby(t *testing.T, blocks []block) {
	interpret(t, blocks, "ruby", "-e", "require 'action_dispatch'", ruby)
}

// interpret runs each block between what is around it. probe imports what it needs.
func interpret(t *testing.T, blocks []block, language, flag, probe string, all []around) {
	program := ""
	// Debian's packages belong to Debian's program, which needn't be the first one.
	for _, path := range []string{"/usr/bin/" + language, language} {
		if program == "" && exec.Command(path, flag, probe).Run() == nil {
			program = path
		}
	}
	if program == "" && os.Getenv("HARDTACK_CI") == "1" {
		t.Fatalf("%s can't %s, and HARDTACK_CI=1 says that it should", language, probe)
	} else if program == "" {
		t.Skipf("%s can't %s", language, probe)
	}
	ring := keyring.Generate()
	store, err := ssestore.New(ssestore.Config{Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	readers, err := filepath.Abs("../readers")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		i := slices.IndexFunc(all, func(a around) bool { return strings.HasPrefix(b.text, a.begins) })
		if i < 0 {
			t.Errorf("%s:%d: the test doesn't know what is around this block", b.page, b.line)
			continue
		}
		cmd := exec.CommandContext(t.Context(), program, flag, all[i].before+"\n"+b.text+all[i].after)
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "READERS="+readers,
			"VISIT="+loggedIn(t, store), "HARDTACK_READER_KEYS="+readKeys(ring))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s:%d: %v\n%s", b.page, b.line, err, out)
		}
	}
}

// checkNginx has nginx read each block as a part of a server.
func checkNginx(t *testing.T, blocks []block) {
	program := browser.Program(t, "nginx", "/usr/sbin/nginx")
	for _, b := range blocks {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "nginx.conf"), fmt.Sprintf(
			"pid nginx.pid;\nevents {}\nhttp {\naccess_log off;\nserver {\nlisten unix:%s/s;\nlocation / {\n%s\nproxy_pass http://127.0.0.1:8081;\n}\n}\n}\n", dir, b.text))
		if out, err := exec.Command(program, "-t", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr").CombinedOutput(); err != nil {
			t.Errorf("%s:%d: %v\n%s", b.page, b.line, err, out)
		}
	}
}

// checkYAML parses the configuration of gateways that aren't installed, and looks up what is
// ours in it: the headers and paths of the verifier, and the headers that the guard reads.
func checkYAML(t *testing.T, blocks []block) {
	verifier := read(t, "examples/gateway/main.go")
	var guard string
	for _, pattern := range []string{"middleware/*.go", "auth/*.go", "serverless/*.go"} {
		files, err := filepath.Glob(repository + "/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				guard += strings.ToLower(string(text))
			}
		}
	}
	header := regexp.MustCompile(`(?i)^[a-z]+(-[a-z]+)*-?$`)
	for _, b := range blocks {
		var tree any
		if err := yaml.UnmarshalWithOptions([]byte(b.text), &tree, yaml.Strict()); err != nil {
			t.Errorf("%s:%d: %v", b.page, b.line, err)
			continue
		}
		var names int
		leaves(tree, func(key, value string) {
			path := ""
			switch {
			case key == "address" || key == "path_prefix":
				_, path, _ = strings.Cut(strings.TrimPrefix(value, "http://"), "/")
				if !strings.Contains(verifier, `"/`+path+`"`) {
					t.Errorf("%s:%d: examples/gateway doesn't serve /%s", b.page, b.line, path)
				}
			case strings.HasPrefix(strings.ToLower(value), "x-auth-"):
				if !strings.Contains(strings.ToLower(verifier), `"`+strings.ToLower(value)+`"`) {
					t.Errorf("%s:%d: examples/gateway has no header %s", b.page, b.line, value)
				}
			case (key == "exact" || key == "prefix" || key == "key") && header.MatchString(value) && value != "location":
				if !strings.Contains(guard, `"`+value) {
					t.Errorf("%s:%d: the guard doesn't read the header %s", b.page, b.line, value)
				}
			default:
				return
			}
			names++
		})
		if names == 0 {
			t.Errorf("%s:%d: nothing of ours is in this block", b.page, b.line)
		}
	}
}

// leaves visits the texts of a tree, with the key that is nearest above each.
func leaves(tree any, visit func(key, value string)) {
	var walk func(key string, tree any)
	walk = func(key string, tree any) {
		switch v := tree.(type) {
		case map[string]any:
			for k, sub := range v {
				walk(k, sub)
			}
		case []any:
			for _, sub := range v {
				walk(key, sub)
			}
		case string:
			visit(key, v)
		}
	}
	walk("", tree)
}

// checkHTML looks up in module signin what the forms of a login page name.
func checkHTML(t *testing.T, blocks []block) {
	tag := regexp.MustCompile(`<(/?)([a-z]+)([^>]*)>`)
	attribute := regexp.MustCompile(`([a-z-]+)(?:="([^"]*)")?`)
	script := read(t, "signin/passkey/passkey.js")
	// mentions reports whether the code of a way has a text between quotes.
	mentions := func(way, text string) bool {
		found := false
		walk(t, func(path string, _ os.DirEntry) {
			if strings.HasPrefix(path, "signin/"+way+"/") && !strings.HasSuffix(path, "_test.go") {
				found = found || strings.Contains(read(t, path), `"`+text+`"`)
			}
		})
		return found
	}
	for _, b := range blocks {
		at := func(format string, args ...any) {
			t.Helper()
			t.Errorf("%s:%d: %s", b.page, b.line, fmt.Sprintf(format, args...))
		}
		var open []string
		way := ""
		for _, m := range tag.FindAllStringSubmatch(b.text, -1) {
			if m[1] == "/" {
				if len(open) == 0 || open[len(open)-1] != m[2] {
					at("</%s> ends %v", m[2], open)
					break
				}
				open = open[:len(open)-1]
				continue
			}
			if m[2] != "input" {
				open = append(open, m[2])
			}
			for _, a := range attribute.FindAllStringSubmatch(m[3], -1) {
				name, value := a[1], a[2]
				switch {
				case name == "action" || name == "formaction" || name == "src" || name == "data-path":
					parts := strings.SplitN(strings.TrimPrefix(value, "/"), "/", 2)
					if name == "action" || name == "data-path" {
						way = parts[0]
					}
					// The rest is a provider's name, or empty, or a page of the way.
					if !slices.Contains([]string{"password", "passkey", "passlink", "oauth"}, parts[0]) || len(parts) != 2 ||
						parts[0] != "oauth" && parts[1] != "" && !mentions(parts[0], parts[1]) && !mentions(parts[0], "/"+parts[1]) {
						at("nothing serves %s", value)
					}
				case name == "name":
					if !mentions(way, value) {
						at("signin/%s reads no field %s", way, value)
					}
				case strings.HasPrefix(name, "data-"):
					if !strings.Contains(script, "dataset."+strings.TrimPrefix(name, "data-")) {
						at("passkey.js doesn't read %s", name)
					}
				case name == "role":
					if !strings.Contains(script, "[role="+value+"]") {
						at("passkey.js doesn't look for the role %s", value)
					}
				}
			}
		}
		if len(open) != 0 {
			at("%v don't end", open)
		}
	}
}
