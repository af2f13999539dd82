package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/commonwatt/commonwatt/web/api"
)

// recording is what a page was told when its answers were recorded (make answers).
type recording struct {
	Answers map[string]struct { // by method, path and query
		Status int             `json:"status"`
		Type   string          `json:"type"`
		Body   json.RawMessage `json:"body"`
	} `json:"answers"`
	Live json.RawMessage `json:"live"` // the first message of the WebSocket, if the page has one
}

// TestWhatWasRecordedIsStillTheContract holds what is kept for the comparison of how pages
// look to openapi.yaml: what the program cannot answer any more is to be recorded anew.
func TestWhatWasRecordedIsStillTheContract(t *testing.T) {
	files, err := filepath.Glob("ui/e2e/recorded/*.json")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	spec, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(spec)
	if err != nil {
		t.Fatal(err)
	}
	schemas := contract(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r recording
			if err := json.Unmarshal(text, &r); err != nil || len(r.Answers) == 0 {
				t.Fatalf("%d answers, %v", len(r.Answers), err)
			}
			r.holds(t, router)
			if r.Live != nil {
				holds(t, schemas, "LiveMessage", r.Live)
			}
		})
	}
}

// holds asks every recorded question of a handler that gives the recorded answer.
func (r recording) holds(t *testing.T, router routers.Router) {
	t.Helper()
	for question, answer := range r.Answers {
		method, target, _ := strings.Cut(question, " ")
		request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(""))
		if _, _, err := router.FindRoute(request); err != nil {
			t.Errorf("%s is no operation of openapi.yaml: %v", question, err)
			continue
		}
		contracted(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", answer.Type)
			w.WriteHeader(answer.Status)
			_, _ = w.Write(answer.Body)
		})).ServeHTTP(httptest.NewRecorder(), request)
	}
}
