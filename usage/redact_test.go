package usage_test

import (
	"strings"
	"testing"

	"github.com/commonwatt/commonwatt/usage"
)

// TestPasswordsAreNotPrinted takes what is secret out of the URLs of a text, and nothing
// else.
func TestPasswordsAreNotPrinted(t *testing.T) {
	for text, want := range map[string]string{
		`store: Post "http://ann:hunter2@db.example:8086/write?db=a": refused`: `store: Post "http://…@db.example:8086/write?db=a": refused`,
		"nats://u:p@a,nats://u:p@b":                         "nats://…@a,nats://…@b",
		"http://db:8086/query?q=x&token=abc&u=y&PASSWORD=z": "http://db:8086/query?q=x&token=…&u=y&PASSWORD=…",
		"rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1":   "rtu:///dev/ttyUSB0?baud=9600&parity=none&stop=1",
		"tls://hub.example:7422: ann@example.org":           "tls://hub.example:7422: ann@example.org",
		"http://hunter2@db:8086/health":                     "http://…@db:8086/health",
		"nats://u:a/b?c@d@h:4222,tls://token@b":             "nats://…@h:4222,tls://…@b",
		"http://db?auth_token=a&X-Api-Key=b&Passwd=c&d=e":   "http://db?auth_token=…&X-Api-Key=…&Passwd=…&d=e",
		"http://127.0.0.1:8080/":                            "http://127.0.0.1:8080/",
	} {
		if got := usage.Redact(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
		var b strings.Builder
		if n, err := usage.Redacting(&b).Write([]byte(text)); n != len(text) || err != nil || b.String() != want {
			t.Errorf("%s is written as %s, %d bytes, %v", text, &b, n, err)
		}
	}
}
