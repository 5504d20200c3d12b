package report

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
)

// Write puts results.json, results.csv and the charts into dir.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(b, '\n'), 0o644); err != nil {
		return err
	}
	if err := r.writeCSV(filepath.Join(dir, "results.csv")); err != nil {
		return err
	}
	return r.writeCharts(dir)
}

func (r *Report) writeCSV(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := csv.NewWriter(f)
	w.Write([]string{"table", "name", "x", "unit", "ratio", "median", "low", "high", "allocs", "bytes", "wire_bytes"})
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	for _, t := range r.Tables {
		for i, row := range t.Rows {
			x := ""
			if t.X != nil {
				x = number(t.X[i])
			}
			w.Write([]string{t.ID, row.Name, x, t.Unit, number(row.Ratio), number(row.Median), number(row.Low), number(row.High),
				number(row.Allocs), number(row.BytesPerCall), strconv.Itoa(r.Entry(row.Name).Wire)})
		}
	}
	w.Flush()
	return w.Error()
}
