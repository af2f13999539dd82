package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commonwatt/commonwatt/clock"
)

func TestFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC)
		now := clock.Fast(origin, 60)
		time.Sleep(15 * time.Second) // of the test's own time
		if got := now().Sub(origin); got != 15*time.Minute {
			t.Errorf("after 15 s %s have passed", got)
		}
	})
}

// TestSkew asks hubs whose clocks are behind and ahead, over a way that takes a while.
func TestSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, behind := range []time.Duration{3 * time.Second, -time.Minute, 0} {
			skew, err := clock.Skew(t.Context(), time.Now, func(context.Context) ([]byte, error) {
				time.Sleep(200 * time.Millisecond)
				answer := clock.Answer(time.Now().Add(-behind))
				time.Sleep(200 * time.Millisecond)
				return answer, nil
			})
			if err != nil || skew != behind {
				t.Errorf("a hub that is %s behind: %s, %v", behind, skew, err)
			}
		}
		no := errors.New("no answer")
		if _, err := clock.Skew(t.Context(), time.Now, func(context.Context) ([]byte, error) { return nil, no }); !errors.Is(err, no) {
			t.Errorf("%v, want %v", err, no)
		}
		if _, err := clock.Skew(t.Context(), time.Now, func(context.Context) ([]byte, error) { return []byte("noon"), nil }); err == nil {
			t.Error("noon is a time")
		}
	})
}
