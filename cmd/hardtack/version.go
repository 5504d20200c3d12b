package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the go command has stored: the module's version, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	return v
}

type versionResult struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  hardtack version",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			v := versionResult{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return a.answer(v, func(w io.Writer) { fmt.Fprintf(w, "hardtack %s %s %s/%s\n", v.Version, v.Go, v.OS, v.Arch) })
		},
	}
}

type completionResult struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for bash, zsh, fish or powershell",
		Example: `  hardtack completion bash > /etc/bash_completion.d/hardtack
  hardtack completion zsh > ~/.zsh/completions/_hardtack
  hardtack completion fish > ~/.config/fish/completions/hardtack.fish`,
		Args:      takes("SHELL"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			var script bytes.Buffer
			var err error
			switch root := cmd.Root(); args[0] {
			case "bash":
				err = root.GenBashCompletionV2(&script, true)
			case "zsh":
				err = root.GenZshCompletion(&script)
			case "fish":
				err = root.GenFishCompletion(&script, true)
			case "powershell":
				err = root.GenPowerShellCompletionWithDesc(&script)
			default:
				return usage("SHELL must be bash, zsh, fish or powershell")
			}
			if err != nil {
				return err
			}
			return a.answer(completionResult{args[0], script.String()}, func(w io.Writer) { w.Write(script.Bytes()) })
		},
	}
}
