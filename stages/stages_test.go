package stages_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/stages"
)

// TestStagesEndInReverseOrder starts two stages with something between their ends: they end
// one after the other though the context of who started them ended before, and the first
// failure is told.
func TestStagesEndInReverseOrder(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancel(t.Context())
	s := stages.New(parent)
	var ended []string
	stage := func(name string, err error) func(context.Context) error {
		return func(ctx context.Context) error {
			<-ctx.Done()
			ended = append(ended, name)
			return err
		}
	}
	s.Start(stage("market", errors.New("second")))
	s.Then(func() { ended = append(ended, "between") })
	s.Start(stage("readers", errors.New("first")))
	cancel()
	if len(ended) > 0 {
		t.Errorf("%v ended with the context of who started them", ended)
	}
	s.Stop()
	if got := strings.Join(ended, " "); got != "readers between market" {
		t.Errorf("ended: %s", got)
	}
	if err := <-s.Failed(); err.Error() != "first" {
		t.Errorf("the first failure is %v", err)
	}
	s.Stop()
}
