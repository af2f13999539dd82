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
	for k := range run.Statements {
		st := &run.Statements[k]
		if len(previous) > 0 {
			st.Without, st.WithoutEstimated = withoutOf(previous[0], st.MeteringPoint)
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
		value, err := run.Tariff.Value(flow)
		if err != nil {
			return fmt.Errorf("%s without the community: %w", st.MeteringPoint, err)
		}
		st.Without = &value
	}
	return nil
}

func withoutOf(run settlement.Run, point string) (*grid.Money, bool) {
	for _, s := range run.Statements {
		if s.MeteringPoint == point {
			return s.Without, s.WithoutEstimated
		}
	}
	return nil, false
}
