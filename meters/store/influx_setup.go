package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/domain"
)

// Keep says how long readings are kept in full and as means over a minute; means
// over a quarter of an hour are kept for good.
type Keep struct {
	Raw     time.Duration
	Minutes time.Duration
}

// Connect returns how to reach a server, for an outbox: what is missing there is made first.
func Connect(c InfluxConfig, keep Keep, log *slog.Logger) func(context.Context) (Store, error) {
	return func(ctx context.Context) (Store, error) {
		made, err := SetUpInflux(ctx, c, keep)
		for _, what := range made {
			log.InfoContext(ctx, "InfluxDB: "+what)
		}
		if err != nil {
			return nil, err
		}
		return OpenInflux(ctx, c)
	}
}

// SetUpInflux makes what is missing on a server of version 2: the bucket, the
// buckets BUCKET_1m and BUCKET_15m, and the tasks that fill these. What is there
// stays as it is, but for the text of a task. It tells what it made. On 1.8,
// which has no tasks, and where the token may not look at buckets, it does
// nothing and tells so.
func SetUpInflux(ctx context.Context, c InfluxConfig, keep Keep) (made []string, err error) {
	client := influxdb2.NewClient(c.URL, c.Token)
	defer client.Close()
	health, err := client.Health(ctx)
	if err != nil {
		return nil, fmt.Errorf("influxdb %s: %w", c.URL, err)
	}
	if health.Version != nil && strings.HasPrefix(*health.Version, "1.") {
		return []string{"InfluxDB " + *health.Version + " has no tasks: readings are kept as the retention policy of the database says, and no means are made"}, nil
	}
	if c.Org == "" {
		return nil, errNoOrg
	}
	s := setup{client: client, config: c, keep: keep}
	err = s.run(ctx)
	if denied(err) {
		return append(s.made, "the token of InfluxDB may only read and write: retention and tasks are as they are ("+err.Error()+")"), nil
	}
	if err != nil {
		return s.made, fmt.Errorf("set up influxdb %s: %w", c.URL, err)
	}
	return s.made, nil
}

// errNoOrg reports a configuration that lacks what InfluxDB 2 wants.
var errNoOrg = errors.New("org: must be given for InfluxDB 2")

// errHidden reports an organisation that is not there or that the token may not
// see: the server answers both alike.
var errHidden = errors.New("not found or not shown to this token")

func denied(err error) bool {
	var answer *influxhttp.Error
	return errors.Is(err, errHidden) ||
		errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

type setup struct {
	client influxdb2.Client
	config InfluxConfig
	keep   Keep
	made   []string
}

func (s *setup) run(ctx context.Context) error {
	org, err := s.client.OrganizationsAPI().FindOrganizationByName(ctx, s.config.Org)
	if answer := (*influxhttp.Error)(nil); err != nil && !errors.As(err, &answer) {
		err = errHidden
	}
	if err != nil {
		return fmt.Errorf("org %q: %w", s.config.Org, err)
	}
	buckets, err := s.buckets(ctx)
	if err != nil {
		return fmt.Errorf("list buckets: %w", err)
	}
	for _, b := range []struct {
		name string
		keep time.Duration // 0: for good
	}{{s.config.Bucket, s.keep.Raw}, {s.config.Bucket + "_1m", s.keep.Minutes}, {s.config.Bucket + "_15m", 0}} {
		if buckets[b.name] {
			continue
		}
		if _, err := s.client.BucketsAPI().CreateBucketWithName(ctx, org, b.name, domain.RetentionRule{EverySeconds: int64(b.keep.Seconds())}); err != nil {
			return fmt.Errorf("create bucket %q: %w", b.name, err)
		}
		s.made = append(s.made, fmt.Sprintf("bucket %s, readings are kept %s", b.name, forLong(b.keep)))
	}
	for _, minutes := range []int{1, 15} {
		if err := s.task(ctx, *org.Id, minutes); err != nil {
			return err
		}
	}
	return nil
}

func forLong(d time.Duration) string {
	if d == 0 {
		return "for good"
	}
	return "for " + d.String()
}

func (s *setup) buckets(ctx context.Context) (map[string]bool, error) {
	const page = 100
	names := map[string]bool{}
	for {
		found, err := s.client.BucketsAPI().FindBucketsByOrgName(ctx, s.config.Org, api.PagingWithLimit(page), api.PagingWithOffset(len(names)))
		if err != nil {
			return nil, err
		}
		for _, b := range *found {
			names[b.Name] = true
		}
		if len(*found) < page {
			return names, nil
		}
	}
}

// task lets the server make means over so many minutes.
func (s *setup) task(ctx context.Context, org string, minutes int) error {
	name := fmt.Sprintf("commonwatt: %s_%dm", s.config.Bucket, minutes)
	flux := Downsampling(name, s.config.Bucket, minutes)
	found, err := s.client.TasksAPI().FindTasks(ctx, &api.TaskFilter{Name: name, OrgName: s.config.Org})
	if err != nil {
		return fmt.Errorf("task %q: %w", name, err)
	}
	for i := range found {
		if found[i].Flux == flux {
			return nil
		}
		if err := s.client.TasksAPI().DeleteTask(ctx, &found[i]); err != nil {
			return fmt.Errorf("delete the old task %q: %w", name, err)
		}
	}
	if _, err := s.client.TasksAPI().CreateTaskByFlux(ctx, flux, org); err != nil {
		return fmt.Errorf("create task %q: %w", name, err)
	}
	s.made = append(s.made, "task "+name)
	return nil
}

// Downsampling is the task that keeps means of a bucket's readings over so many
// minutes in the bucket BUCKET_Nm; registers only grow, so that the last of a
// step is its maximum. A reading that comes more than four hours late is in the
// first bucket alone.
func Downsampling(name, bucket string, minutes int) string {
	return fmt.Sprintf(`option task = {name: %s, every: 15m, offset: 2m}

readings = from(bucket: %s) |> range(start: -4h) |> filter(fn: (r) => r._measurement == "%s")

union(tables: [
    readings
        |> filter(fn: (r) => r._field == "power" or r._field == "charge" or r._field == "voltage" or r._field == "hertz")
        |> aggregateWindow(every: %[4]dm, fn: mean, timeSrc: "_start", createEmpty: false)
        |> toInt(),
    readings
        |> filter(fn: (r) => r._field == "import" or r._field == "export" or r._field == "took")
        |> aggregateWindow(every: %[4]dm, fn: max, timeSrc: "_start", createEmpty: false),
])
    |> to(bucket: %[5]s)
`, quote(name), quote(bucket), measurement, minutes, quote(fmt.Sprintf("%s_%dm", bucket, minutes)))
}
