package report

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Text writes the report for people to read.
func (r *Report) Text(w io.Writer) error {
	fmt.Fprintf(w, "%s · %s · %d cores · %s · %s", r.Date, r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Go)
	if r.Machine.Node != "" {
		fmt.Fprintf(w, " · Node %s", r.Machine.Node)
	}
	fmt.Fprintln(w)
	for _, t := range r.Tables {
		fmt.Fprintf(w, "\n%s\n", t.Title)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		verify := t.ID == "verify"
		fmt.Fprint(tw, "\tratio\tmedian\tspread\tallocs\tbytes\t")
		if verify {
			fmt.Fprint(tw, "cookie\t")
		}
		fmt.Fprintln(tw)
		for i, row := range t.Rows {
			name := row.Name
			if t.X != nil {
				name = fmt.Sprintf("%s %.0f", name, t.X[i])
			}
			fmt.Fprintf(tw, "%s\t%.2f\t%s\t±%.0f %%\t%s\t%s\t", name, row.Ratio, t.amount(row.Median), spread(row.Median, row.Low, row.High), count(row.Allocs), count(row.BytesPerCall))
			if verify {
				fmt.Fprintf(tw, "%s\t", wire(r.Entry(row.Name).Wire, i))
			}
			fmt.Fprintln(tw)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	if len(r.Entries) > 0 {
		fmt.Fprintln(w, "What each contestant does not do")
	}
	for _, e := range r.Entries {
		lacks := e.Lacks
		if lacks == "" {
			lacks = "– (the whole job)"
		}
		fmt.Fprintf(w, "  %-26s %s\n", e.Name, lacks)
	}
	for _, s := range r.NotCompared {
		fmt.Fprintf(w, "  not compared: %s\n", s)
	}
	for _, s := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", s)
	}
	_, err := fmt.Fprintln(w, "\nratio: median over rounds of (this ÷ the first row just before it). spread: half the quartile range.")
	return err
}

// amount prints a time with three significant places, or a rate.
func (t *Table) amount(v float64) string {
	if t.Unit != "ns" {
		return fmt.Sprintf("%.0f %s", v, t.Unit)
	}
	switch d := time.Duration(v); {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.0f ns", v)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f µs", v/1e3)
	default:
		return fmt.Sprintf("%.1f ms", v/1e6)
	}
}

func spread(median, low, high float64) float64 {
	if median == 0 {
		return 0
	}
	return 50 * (high - low) / median
}

func count(v float64) string {
	if v < 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", v)
}

func wire(n, row int) string {
	if n == 0 || row == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}
