package chaincode

import (
	"fmt"
	"regexp"

	"github.com/commonwatt/commonwatt/grid"
)

// Hours names a time of the day, from and until in minutes after midnight UTC:
// 00:00-04:30. A day ends at 24:00.
func Hours(from, until int) string {
	const hour = 60
	return fmt.Sprintf("%02d:%02d-%02d:%02d", from/hour, from%hour, until/hour, until%hour)
}

// parseHours reads what Hours writes, and nothing else.
func parseHours(text string) (from, until int, ok bool) {
	if !regexp.MustCompile(`^\d\d:[0-5]\d-\d\d:[0-5]\d$`).MatchString(text) {
		return 0, 0, false
	}
	var a, b, c, d int
	if _, err := fmt.Sscanf(text, "%d:%d-%d:%d", &a, &b, &c, &d); err != nil {
		return 0, 0, false
	}
	const hour, day = 60, 24 * 60
	from, until = a*hour+b, c*hour+d
	return from, until, from < until && until <= day
}

// checkHours refuses hours that are malformed, not in order, or overlap.
func checkHours(all []string) error {
	end := 0
	for k, text := range all {
		from, until, ok := parseHours(text)
		if !ok || from < end {
			return fail(CodeInvalid, "charge[%d]: %q: want hours of the day in order, UTC, as in 00:00-04:30", k, text)
		}
		end = until
	}
	return nil
}

// Direction is that of a challenge in an interval that begins at the time of the
// day.
func (g Pledge) Direction(i grid.Interval) string {
	begin := i.Begin()
	at := begin.Hour()*60 + begin.Minute()
	for _, text := range g.Charge {
		if from, until, _ := parseHours(text); from <= at && at < until {
			return Charging
		}
	}
	return Discharging
}
