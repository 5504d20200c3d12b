package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hardtack-go/hardtack/fleet"
	"github.com/spf13/cobra"
)

type fleetResult struct {
	Healthy   bool           `json:"healthy"`
	Findings  []fleetFinding `json:"findings"`
	Instances []fleet.Status `json:"instances"`
}

// fleetFinding is what is wrong with an instance.
type fleetFinding struct {
	Instance string `json:"instance"`
	Text     string `json:"text"`
}

func (a *app) fleet() *cobra.Command {
	return a.group(&cobra.Command{
		Use:     "fleet",
		Short:   "Look at the instances of a fleet",
		Example: "  hardtack fleet status http://10.0.0.7:9000/fleet http://10.0.0.8:9000/fleet",
	}, a.fleetStatus())
}

func (a *app) fleetStatus() *cobra.Command {
	timeout := span(5 * time.Second)
	cmd := &cobra.Command{
		Use:   "status [URL...]",
		Short: "Say whether the instances of a fleet hear each other and have one ring",
		Long: `Say whether the instances of a fleet hear each other and have one ring. Each URL is a
page on which an instance shows the JSON of fleet.Fleet.Status, to operators only.
Without a URL the JSON comes from standard input: one status after another, or lists.

The exit status is 1 if an instance doesn't answer, isn't ready, hears nothing, has old
news, a wrong clock or another ring than the newest, or has refused what its engine
told it.`,
		Example: `  hardtack fleet status http://10.0.0.7:9000/fleet http://10.0.0.8:9000/fleet
  hardtack fleet status < status.json`,
		Args: cobra.ArbitraryArgs,
	}
	cmd.Flags().Var(&timeout, "timeout", "give up on a URL after this")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client := newClient(timeout)
		result := fleetResult{Findings: []fleetFinding{}}
		if len(args) == 0 {
			text, err := a.read("paste the JSON, then press Enter and Ctrl-D")
			if err != nil {
				return err
			}
			if result.Instances, err = parseStatuses(strings.NewReader(text)); err != nil {
				return err
			}
		}
		for _, arg := range args {
			target, err := webURL(arg)
			if err != nil {
				return err
			}
			found, err := fetchStatuses(cmd, client, target)
			if err != nil {
				// The others may be well. The host says which one it is.
				result.Findings = append(result.Findings, fleetFinding{target.Host, err.Error()})
			}
			result.Instances = append(result.Instances, found...)
		}
		result.Findings = append(result.Findings, examineFleet(result.Instances)...)
		result.Healthy = len(result.Findings) == 0
		if err := a.answer(result, func(w io.Writer) { a.writeFleet(w, result) }); err != nil {
			return err
		}
		if !result.Healthy {
			return errSaid
		}
		return nil
	}
	return cmd
}

func fetchStatuses(cmd *cobra.Command, client *http.Client, target *url.URL) ([]fleet.Status, error) {
	r, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, errors.New("this URL can't be requested")
	}
	r.Header.Set("Accept", "application/json")
	resp, err := send(client, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return parseStatuses(io.LimitReader(resp.Body, maxInput))
}

// parseStatuses reads one or more statuses, or lists of them.
func parseStatuses(r io.Reader) ([]fleet.Status, error) {
	strange := refuse("this isn't the JSON of fleet.Status")
	var all []fleet.Status
	d := json.NewDecoder(r)
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); err == io.EOF && len(all) > 0 {
			return all, nil
		} else if err != nil {
			return nil, strange
		}
		var list []fleet.Status
		if raw[0] == '[' {
			if json.Unmarshal(raw, &list) != nil {
				return nil, strange
			}
		} else {
			list = make([]fleet.Status, 1)
			if json.Unmarshal(raw, &list[0]) != nil {
				return nil, strange
			}
		}
		for _, s := range list {
			if s.Application == "" || s.Instance == "" || s.Engine == "" {
				return nil, strange
			}
		}
		all = append(all, list...)
	}
}

// examineFleet compares the instances with each other.
func examineFleet(all []fleet.Status) (findings []fleetFinding) {
	newest := uint64(0)
	for _, s := range all {
		newest = max(newest, s.Sequence)
	}
	seen := map[string]bool{}
	for _, s := range all {
		say := func(format string, args ...any) {
			findings = append(findings, fleetFinding{s.Instance, fmt.Sprintf(format, args...)})
		}
		if seen[s.Instance] {
			say("came twice: two URLs lead to one instance, as through a load balancer")
			continue
		}
		seen[s.Instance] = true
		if s.Application != all[0].Application {
			say("is of another application")
			continue
		}
		if !s.Ready {
			say("isn't ready: it has no keys, or doesn't know all marks")
		}
		switch {
		case s.Engine == fleet.EngineOff:
			say("doesn't take part: Run has ended, or was never called")
		case s.Engine != fleet.EngineLive:
			say("hears nothing from its engine")
		case s.Stale:
			say("has news that is older than its policy allows")
		}
		if s.ClockOff {
			say("has another time than the others, by more than a minute")
		}
		if s.Sequence != newest {
			say("has ring %d, and the newest is %d", s.Sequence, newest)
		}
		if n := s.Counters.RefusedRings + s.Counters.RefusedMarks + s.Counters.RefusedBeats; n > 0 {
			say("has refused %s not sealed by this fleet", plural(int(min(n, 1<<31)), "value"))
		}
	}
	return findings
}

func (a *app) writeFleet(w io.Writer, r fleetResult) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(r.Instances) == 0 {
		fmt.Fprintln(w, a.coloured("no instance answered", false))
	} else {
		verdict := "well"
		if !r.Healthy {
			verdict = "not well"
		}
		fmt.Fprintf(w, "%s: %s\n", shown(r.Instances[0].Application, false), a.coloured(verdict, r.Healthy))
		fmt.Fprintln(t, "  instance\tengine\tnews\tring\tprimary\tmarks\tlast fault")
	}
	for _, s := range r.Instances {
		news := "none"
		if s.NewsAge >= 0 {
			news = fmt.Sprintf("%.1f s", s.NewsAge)
		}
		primary := "none"
		for _, k := range s.Keys {
			if k.Phase == fleet.PhasePrimary {
				primary = shown(k.ID, false)
			}
		}
		fault := "none"
		if s.Fault != "" {
			fault = shown(s.Fault, false) + ", " + relative(s.FaultAt, a.now())
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%d\t%s\t%d\t%s\n", shown(s.Instance, false), shown(string(s.Engine), false), news, s.Sequence, primary, s.Marks, fault)
	}
	t.Flush()
	for _, f := range r.Findings {
		fmt.Fprintf(w, "%s %s\n", shown(f.Instance, false), f.Text)
	}
}
