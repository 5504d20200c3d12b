package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/hardtack-go/hardtack/cookie"
	"github.com/hardtack-go/hardtack/keyring"
	"github.com/spf13/cobra"
)

// secretResult is the answer of a command whose output is a secret. Only the secret
// goes to standard output, so that a pipe gets nothing else.
type secretResult struct {
	Value json.RawMessage `json:"value"`
	Notes []string        `json:"notes"`
}

// hand prints a secret, and the notes elsewhere. value is what --json has: the secret
// as JSON.
func (a *app) hand(text string, value any, force bool, notes ...string) error {
	if err := a.secret(force); err != nil {
		return err
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if err := a.answer(secretResult{raw, notes}, func(w io.Writer) { fmt.Fprintln(w, text) }); err != nil || a.json {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(a.diag, note)
	}
	return nil
}

// readers are the purposes that a reader needs, in the order of the output: the last one only
// where snapshots of marks are published.
var readers = [...]string{"seal", "barrier", "marks"}

func (a *app) keysExport() *cobra.Command {
	var name, audience string
	var purposes []string
	var force bool
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "Derive the keys that a reader in another language needs",
		Long: `Derive the keys that a service in another language needs to read the cookie, as a
JWK Set: for each key of the file one to open it (seal), and one to see which
sessions have ended (barrier). With --purpose seal,barrier,marks there is one more, to
read snapshots of the sessions that were ended before their time (marks.Snapshotter).
The root keys stay here, and so do all other subkeys.

Whoever can read can also write: a service with these keys can make a session for
any user. Such a session has no stamp.`,
		Example: `  hardtack keys export keys.json --cookie __Host-session | wrangler secret put SESSION_READ_KEYS
  hardtack keys export keys.json --audience shop --purpose seal > reader.json`,
		Args: takes("FILE"),
	}
	cmd.Flags().StringVar(&name, "cookie", cookie.DefaultName, "the cookie's `name`")
	cmd.Flags().StringVar(&audience, "audience", "", "ssestore.Config.Audience")
	cmd.Flags().StringSliceVar(&purposes, "purpose", readers[:2], "any of seal, barrier and marks")
	forceFlag(cmd, &force)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if _, err := cookie.New(cookie.Config{Name: name}); err != nil {
			return usage("--cookie %v", err)
		}
		for _, p := range purposes {
			if !slices.Contains(readers[:], p) {
				return refuse("--purpose: only seal, barrier and marks are exported. No reader needs another key, and with the one for stamps it could make sessions that pass for logins")
			}
		}
		if len(purposes) == 0 {
			return usage("--purpose needs seal, barrier or marks")
		}
		ring, err := a.ring(args[0])
		if err != nil {
			return err
		}
		var jwks []string
		for _, key := range ring.Keys() {
			for _, p := range readers {
				if !slices.Contains(purposes, p) {
					continue
				}
				label := keyring.Label{Purpose: p, Audience: audience, Name: name}
				if p == "marks" {
					label.Name = "" // one snapshot for all cookies of the application
				}
				jwk := key.ExportJWK(label)
				if jwk == nil {
					return refuse("the key for %s can't be exported", p)
				}
				jwks = append(jwks, string(jwk))
			}
		}
		set := `{"keys":[` + strings.Join(jwks, ",") + `]}`
		notes := []string{"Who has this can make sessions: give it only to services that you would let log users in.",
			"After each add or rotate: export again, and give it to the reader before the new key seals."}
		if !slices.Contains(purposes, "barrier") {
			notes = append(notes, "Without barrier, the reader accepts sessions that were logged out.")
		}
		return a.hand(set, json.RawMessage(set), force, notes...)
	}
	return cmd
}

var (
	variable   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)         // POSIX.1-2024 section 8.1
	secretName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`) // RFC 1123, as Kubernetes has it
	formats    = [...]string{"env", "k8s-secret", "docker"}
)

const (
	formatHelp = "env, k8s-secret or docker"
	container  = "Mount the directory, never the file by itself (subPath): a mounted file doesn't change when the secret does."
	guard      = "The value is the whole key file. It belongs in a secret store, not in a repository, an image or a log."
)

func (a *app) keysPrint() *cobra.Command {
	var format, name string
	var force bool
	cmd := &cobra.Command{
		Use:   "print FILE",
		Short: "Print the keys for a secret store",
		Long: `Print the keys of a file, for a secret store.

  env         NAME='{"keys":…}' in single quotes, for a shell or a .env file
  docker      NAME={"keys":…} without quotes, for docker run --env-file
  k8s-secret  a Secret in JSON with the file keys.json, for kubectl apply -f -

keyring.Parse reads the variable, and keyring.OpenFile the file.`,
		Example: `  hardtack keys print keys.json --format k8s-secret | kubectl apply -f -
  hardtack keys print keys.json --format docker > session.env`,
		Args: takes("FILE"),
	}
	cmd.Flags().StringVar(&format, "format", "env", formatHelp)
	cmd.Flags().StringVar(&name, "name", "", "of the variable (SESSION_KEYS) or of the Secret (session-keys)")
	forceFlag(cmd, &force)
	cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats[:], cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if !slices.Contains(formats[:], format) {
			return usage("--format must be " + formatHelp)
		}
		valid, fallback := variable, "SESSION_KEYS"
		if format == "k8s-secret" {
			valid, fallback = secretName, "session-keys"
		}
		if name == "" {
			name = fallback
		}
		if !valid.MatchString(name) {
			return usage("--name can't be the name of a variable, or of a Secret")
		}
		ring, err := a.ring(args[0])
		if err != nil {
			return err
		}
		set := string(ring.JWKSet())
		switch format {
		case "k8s-secret":
			manifest, err := k8sSecret(name, set)
			if err != nil {
				return err
			}
			return a.hand(string(manifest), json.RawMessage(manifest), force, guard, container)
		case "docker":
			line := name + "=" + set
			return a.hand(line, line, force, guard)
		}
		line := name + "='" + set + "'"
		return a.hand(line, line, force, guard)
	}
	return cmd
}

// k8sSecret is a manifest in JSON, which kubectl takes as well as YAML.
func k8sSecret(name, set string) ([]byte, error) {
	return json.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "Secret",
		"metadata":   map[string]string{"name": name},
		"type":       "Opaque",
		"data":       map[string]string{"keys.json": base64.StdEncoding.EncodeToString([]byte(set + "\n"))},
	})
}
