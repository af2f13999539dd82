package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStartMeasuresUntilTheProgramIsReady(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, err := Start(t.Context(), StartOptions{Homes: 2, Rounds: 2, Ran: time.Millisecond, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if r.Homes != 2 || r.Rounds != 2 || r.Ran != 0.001 {
		t.Errorf("got %+v", r)
	}
	// The pretended program is ready at the third time of asking.
	if least := (2 * readyEvery).Seconds() / 2; r.Fresh < least || r.Again < least || r.Stop <= 0 {
		t.Errorf("it was not asked until it was ready: %+v", r)
	}
	if files := left(t, dir); len(files) > 0 {
		t.Errorf("%q was left", files)
	}
}

func TestStartSaysWhyTheProgramDidNotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := Start(t.Context(), StartOptions{Homes: 13, Rounds: 1, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "ended before it was ready") || !strings.Contains(err.Error(), "13 homes bring bad luck") {
		t.Errorf("%v: want what the program said", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ended, StartOptions{Homes: 2, Rounds: 1, Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v: want that it was cancelled", err)
	}
	if files := left(t, dir); len(files) > 0 {
		t.Errorf("%q was left", files)
	}
}

func TestStartResult(t *testing.T) {
	t.Parallel()
	r := StartResult{Homes: 12, Rounds: 3, Ran: 10, Fresh: 2, Again: 3, Stop: 0.75}
	printed(t, r, `12 simulated homes, median of 3
first start      2.00 s until ready
second start     3.00 s until ready, after a run of 10 s; ratio 1.50
stop             0.75 s
`)
	marshalled(t, r, `{"homes":12,"rounds":3,"ran_seconds":10,"fresh_seconds":2,"again_seconds":3,"stop_seconds":0.75}`)
}
