package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hardtack-go/hardtack/bench/measure"
	"github.com/hardtack-go/hardtack/bench/report"
)

var optionsForTest = measure.Options{Rounds: 3, Batch: 100 * time.Microsecond}

func checkFiles(t *testing.T, dir string, r *report.Report) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report.Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i, table := range r.Tables {
		rows += len(table.Rows)
		if len(back.Tables[i].Rows) != len(table.Rows) {
			t.Errorf("results.json: table %s has %d rows, want %d", table.ID, len(back.Tables[i].Rows), len(table.Rows))
		}
		svg, err := os.ReadFile(filepath.Join(dir, table.ID+".svg"))
		if err != nil || !bytes.Contains(svg, []byte(table.Rows[0].Name)) {
			t.Errorf("%s.svg does not name %s: %v", table.ID, table.Rows[0].Name, err)
		}
	}
	f, err := os.Open(filepath.Join(dir, "results.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) != rows+1 {
		t.Errorf("results.csv has %d lines, want %d: %v", len(lines), rows+1, err)
	}
	var text bytes.Buffer
	if err := r.Text(&text); err != nil || !bytes.Contains(text.Bytes(), []byte("Hardtack")) {
		t.Errorf("the text does not name Hardtack: %v", err)
	}
}
