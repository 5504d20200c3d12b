package middleware_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"os"
	"testing"
)

// TestHandler_UploadLeavesNoFiles: net/http removes the temporary files of a
// multipart form after the response, also when the handler ran behind us.
func TestHandler_UploadLeavesNoFiles(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	during := 0
	a := newApp(t, plain)
	a.mux.HandleFunc("POST /upload", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		files, _ := os.ReadDir(tmp)
		during = len(files)
	})
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "large.bin")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(make([]byte, 11<<20)) // more than the 10 MB that stay in memory anyway
	form.Close()
	r, err := http.Post(a.server.URL+"/upload", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	a.server.Close() // waits for the request to end
	files, err := os.ReadDir(tmp)
	if err != nil || during != 1 || len(files) != 0 {
		t.Errorf("%d files during the request, want 1; %d after it, want 0: %v", during, len(files), err)
	}
}
