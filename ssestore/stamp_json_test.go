package ssestore_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

// fmt is kept from a stamp's sum by Format; encoding/json and log/slog's JSON ask
// no Format, so the field itself says that it is not for them.
func TestT1_StampInJSON(t *testing.T) {
	store := newStore(t, codecs[0], ring(t, 1))
	stamp, err := store.Load(nil, t0).Stamp("", "ann", "hash")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := json.Marshal(stamp.Sum) // [1,2,…], as it would appear
	if err != nil || stamp.Sum == [32]byte{} {
		t.Fatal(err, stamp)
	}
	plain, err := json.Marshal(stamp)
	if err != nil {
		t.Fatal(err)
	}
	nested, err := json.Marshal(map[string]any{"stamp": &stamp})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("stamp", "stamp", stamp)
	for what, text := range map[string]string{"json": string(plain), "nested": string(nested), "slog": log.String()} {
		if strings.Contains(text, strings.Trim(string(sum), "[]")) || strings.Contains(text, `"Sum"`) {
			t.Errorf("%s shows the sum: %s", what, text)
		}
		if !strings.Contains(text, kid(1)) {
			t.Errorf("%s does not show the key id: %s", what, text)
		}
	}
}
