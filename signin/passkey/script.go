package passkey

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed passkey.js
var scriptText []byte

var scriptTag = func() string {
	sum := sha256.Sum256(scriptText)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}()

// script serves the script file. A browser asks each time whether it has changed, so
// that a page never runs an older one than its server.
func script(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", scriptTag)
	header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(scriptText))
}
