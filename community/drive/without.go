package drive

import (
	"context"
	"fmt"

	"github.com/commonwatt/commonwatt/grid"
	"github.com/commonwatt/commonwatt/settlement"
)

// tellWithout says in the statements of a run what the homes whose devices the community
// moved would have got without it. A later run says what the first one said.
func (s *Settler) tellWithout(ctx context.Context, i grid.Interval, run *settlement.Run, previous []settlement.Run) error {
	before := map[string]settlement.Statement{}
	if len(previous) > 0 {
		for _, st := range previous[0].Statements {
			before[st.MeteringPoint] = st
		}
	}
	for k := range run.Statements {
		st := &run.Statements[k]
		if len(previous) > 0 {
			was := before[st.MeteringPoint]
			st.Without, st.WithoutEstimated, st.WithoutFlow = was.Without, was.WithoutEstimated, was.WithoutFlow
			continue
		}
		flow, estimated, known, err := s.Alone.Alone(ctx, st.MeteringPoint, i)
		if err != nil {
			return err
		}
		st.WithoutEstimated = estimated
		if !known {
			continue
		}
		value, err := settlement.Worth(run.Counted(*st), flow)
		if err != nil {
			return fmt.Errorf("%s without the community: %w", st.MeteringPoint, err)
		}
		st.Without, st.WithoutFlow = &value, &flow
	}
	return nil
}
