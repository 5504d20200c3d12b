package config_test

import (
	"errors"
	"io"
	"testing"

	"github.com/hardtack-go/hardtack/internal/config"
)

func TestFaults(t *testing.T) {
	f := config.Faults{Package: "cookie"}
	f.Join(nil)
	if err := f.Err(); err != nil {
		t.Errorf("no fault gives %v", err)
	}
	f.Add("Name", "must be short")
	f.Join(io.EOF)
	f.Add("Path", "must start with /")
	err := f.Err()
	if err == nil || err.Error() != "cookie: Name: must be short\nEOF\ncookie: Path: must start with /" {
		t.Errorf("three faults give %v", err)
	}
	var e *config.Error
	if !errors.As(err, &e) || *e != (config.Error{Package: "cookie", Field: "Name", Rule: "must be short"}) {
		t.Errorf("the first *Error is %+v", e)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the error from elsewhere is lost")
	}
}
