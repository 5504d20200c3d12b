package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNamesOfSignin holds how many names a user of module signin has to learn at most:
// what each package exports, without fields and methods.
func TestNamesOfSignin(t *testing.T) {
	name := regexp.MustCompile(`(?m)^(?:const|var|func|type) (\w+)`)
	for pkg, most := range map[string]int{
		"ticket": 8, "signin": 12, "signin-mail": 5, "signin-password": 30,
		"signin-oauth": 12, "signin-passkey": 12, "signin-passlink": 12,
	} {
		text, err := os.ReadFile(filepath.Join(root, "docs", "api", pkg+".txt"))
		if err != nil {
			t.Error(err)
			continue
		}
		names := map[string]bool{}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "config" { // config.Error, which stands where ConfigError is an alias of it
				names[m[1]] = true
			}
		}
		if len(names) > most {
			t.Errorf("%s exports %d names, more than %d", pkg, len(names), most)
		}
	}
}

// TestModulesOfSignin names the modules in the build of each package of module signin,
// beside this repository's own. Users of one way don't get what another one needs, and
// nobody gets what only tests need.
func TestModulesOfSignin(t *testing.T) {
	desk := []string{"golang.org/x/time"}
	for pkg, more := range map[string][]string{
		"signin":          nil,
		"signin/mail":     {"github.com/wneessen/go-mail", "golang.org/x/crypto", "golang.org/x/text"},
		"signin/passlink": nil,
		"signin/password": {"github.com/alexedwards/argon2id", "golang.org/x/crypto", "golang.org/x/sys"},
		"signin/oauth":    {"github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4", "golang.org/x/oauth2"},
		"signin/passkey": {
			"github.com/fxamacker/cbor/v2", "github.com/go-viper/mapstructure/v2", "github.com/go-webauthn/webauthn", "github.com/go-webauthn/x",
			"github.com/golang-jwt/jwt/v5", "github.com/google/go-tpm", "github.com/google/uuid", "github.com/philhofer/fwd", "github.com/tinylib/msgp",
			"github.com/x448/float16", "golang.org/x/crypto", "golang.org/x/sys",
		},
	} {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			want := append(slices.Clone(desk), more...)
			slices.Sort(want)
			out := goCommand(t, nil, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", modulePath+"/"+pkg)
			got := slices.DeleteFunc(strings.Fields(out), func(m string) bool { return strings.HasPrefix(m, modulePath) })
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("its build has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
