package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/commonwatt/commonwatt/web/api"
)

// Laboratory replays scenarios for researchers. An error that has a method Refused() (missing,
// conflict bool) says why something cannot be done.
type Laboratory interface {
	Scenarios() api.Scenarios
	List() api.Runs
	Start(r api.RunRequest) (api.Run, error)
	Get(id string) (api.RunResult, error)
	End(id string) error
	File(id, file string) (RunFile, error)
	Plot(ids []string, of string) (png []byte, err error)
}

// RunFile is a file of a run's results.
type RunFile struct {
	Name  string // by which it is kept: it tells scenario, seed and version
	Write func(w io.Writer) error
}

// Researched has a server answer researchers.
func (s *Server) Researched(l Laboratory) *Server {
	s.operations.researchers.laboratory = l
	return s
}

// researchers answers those who replay scenarios.
type researchers struct {
	laboratory Laboratory
	consented  Consented // nil: nobody is asked for it
}

// ListScenarios implements the API.
func (s researchers) ListScenarios(context.Context, api.ListScenariosRequestObject) (api.ListScenariosResponseObject, error) {
	return api.ListScenarios200JSONResponse(s.laboratory.Scenarios()), nil
}

// ListRuns implements the API.
func (s researchers) ListRuns(context.Context, api.ListRunsRequestObject) (api.ListRunsResponseObject, error) {
	return api.ListRuns200JSONResponse(s.laboratory.List()), nil
}

// StartRun implements the API.
func (s researchers) StartRun(_ context.Context, r api.StartRunRequestObject) (api.StartRunResponseObject, error) {
	run, err := s.laboratory.Start(*r.Body)
	return api.StartRun200JSONResponse(run), billing(err)
}

// GetRun implements the API.
func (s researchers) GetRun(_ context.Context, r api.GetRunRequestObject) (api.GetRunResponseObject, error) {
	run, err := s.laboratory.Get(r.Id)
	return api.GetRun200JSONResponse(run), billing(err)
}

// EndRun implements the API.
func (s researchers) EndRun(_ context.Context, r api.EndRunRequestObject) (api.EndRunResponseObject, error) {
	return api.EndRun204Response{}, billing(s.laboratory.End(r.Id))
}

// GetRunFile implements the API.
func (s researchers) GetRunFile(_ context.Context, r api.GetRunFileRequestObject) (api.GetRunFileResponseObject, error) {
	f, err := s.laboratory.File(r.Id, r.File)
	if err != nil {
		return nil, billing(err)
	}
	return f, nil
}

// VisitGetRunFileResponse implements the API.
func (f RunFile) VisitGetRunFileResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Name))
	w.WriteHeader(http.StatusOK)
	if err := f.Write(w); err != nil {
		return &brokenOffError{err}
	}
	return nil
}

// PlotRuns implements the API.
func (s researchers) PlotRuns(_ context.Context, r api.PlotRunsRequestObject) (api.PlotRunsResponseObject, error) {
	png, err := s.laboratory.Plot(strings.Split(r.Params.Runs, ","), r.Params.Of)
	return api.PlotRuns200ImagepngResponse{Body: bytes.NewReader(png), ContentLength: int64(len(png))}, billing(err)
}
