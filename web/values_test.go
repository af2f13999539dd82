package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/web"
	"github.com/commonwatt/commonwatt/web/api"
)

// noValues are official values of which there are none. They keep what was uploaded last.
type noValues struct{ last web.ValuesUpload }

func (*noValues) Files(context.Context) (api.ValuesFiles, error) {
	return api.ValuesFiles{BillsBy: "signed"}, nil
}

func (v *noValues) Import(_ context.Context, u web.ValuesUpload) (api.ValuesImport, error) {
	v.last = u
	return api.ValuesImport{Applied: u.Apply, Format: u.Format}, nil
}

func (*noValues) Reconcile(_ context.Context, month string, _ bool) (api.Reconciliation, error) {
	return api.Reconciliation{Month: month, Zone: "UTC", Currency: "EUR", BillsBy: "signed"}, nil
}

// form is a multipart form of parts, as NAME: TEXT.
func form(t *testing.T, parts ...string) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, one := range parts {
		name, text, _ := strings.Cut(one, ": ")
		part, err := w.CreateFormFile(name, name+".csv")
		if err == nil {
			_, err = part.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

// TestAFileOfValuesIsSent sends forms: with all parts, without the file, with one more, and
// asks for months that are none.
func TestAFileOfValuesIsSent(t *testing.T) {
	var values noValues
	h := operated(t, &values)
	send := func(query string, parts ...string) *httptest.ResponseRecorder {
		t.Helper()
		body, kind := form(t, parts...)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/values"+query, body)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer operator's key")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := send("?apply=true&format=csv", "file: a,b\n", "mapping: {}")
	var done api.ValuesImport
	if err := json.Unmarshal(w.Body.Bytes(), &done); err != nil || w.Code != http.StatusOK || !done.Applied || done.Format != "csv" || done.Problems == nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if u := values.last; string(u.File) != "a,b\n" || string(u.Mapping) != "{}" || u.Name != "file.csv" || !u.Apply {
		t.Errorf("%+v", u)
	}
	if w := send("", "file: x"); w.Code != http.StatusOK || values.last.Apply || values.last.Mapping != nil {
		t.Errorf("a preview: %d, %+v", w.Code, values.last)
	}
	for want, parts := range map[string][]string{"file: is missing": {"mapping: {}"}, `\"more\" is no part`: {"file: x", "more: y"}} {
		if w := send("", parts...); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%v: %d %s, want %s", parts, w.Code, w.Body, want)
		}
	}
	for _, month := range []string{"2026", "2026-13", "2026-6", "June", "2026-06-01"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/values/reconciliation?month="+month, http.NoBody)
		r.Header.Set("Authorization", "Bearer operator's key")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "is no month, as in 2026-06") {
			t.Errorf("%s: %d %s", month, w.Code, w.Body)
		}
	}
}
