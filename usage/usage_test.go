package usage_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/commonwatt/commonwatt/usage"
)

func TestErrorsAreTold(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{usage.Errorf("--rate: %d", 0), true},
		{fmt.Errorf("run: %w", usage.Mark(io.EOF)), true},
		{errors.Join(io.EOF, usage.Errorf("no")), true},
		{io.EOF, false},
		{usage.Mark(nil), false},
		{nil, false},
	} {
		if got := usage.Is(c.err); got != c.want {
			t.Errorf("%v: %t, want %t", c.err, got, c.want)
		}
	}
	if err := usage.Mark(io.EOF); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Errorf("%v does not show what it marks", err)
	}
}
