package bench

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// The program answers these command lines: feed with Feed, meters with ServeMeters, those of the
// dashboards with ServeDashboards and WatchDashboards, run by being itself.

func feedArgs(tape string, rate int, start time.Time) []string {
	return []string{"bench", "feed", tape, strconv.Itoa(rate), strconv.FormatInt(start.UnixNano(), 10)}
}

func metersArgs(count int) []string {
	return []string{"bench", "devices", "--serve", "--count", strconv.Itoa(count)}
}

func dashboardServerArgs(homes int) []string {
	return []string{"bench", "dashboards", "--serve", "--homes", strconv.Itoa(homes)}
}

func dashboardWatchersArgs(address string, o DashboardsOptions) []string {
	return []string{
		"bench", "dashboards", "--watch", address, "--homes", strconv.Itoa(o.Homes), "--count", strconv.Itoa(o.Count), "--stalled", strconv.Itoa(o.Stalled),
	}
}

func runArgs(dir, listen string, homes int) []string {
	return []string{"run", "--data", dir, "--listen", listen, "--homes", strconv.Itoa(homes)}
}

// again returns this program as a command with other arguments. What it complains about
// goes where our own complaints go.
func again(ctx context.Context, args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, args...) //nolint:gosec // ourselves
	c.Stderr = os.Stderr
	return c, nil
}
