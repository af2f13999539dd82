package usage

import (
	"io"
	"regexp"
)

// What nobody else should read of a text: what stands before the host of a URL, and the
// values of its fields that are called so.
var (
	credentials = regexp.MustCompile(`(://)[^/\s"'@]*:[^/\s"'@]*@`)
	fields      = regexp.MustCompile(`((?i)[?&](?:token|password|secret|key|p)=)[^&\s"']+`)
)

// Redact returns a text without the passwords that are in its URLs.
func Redact(text string) string {
	return fields.ReplaceAllString(credentials.ReplaceAllString(text, "$1…@"), "$1…")
}

// Redacting returns a writer to which texts are written without passwords, each call at
// once: a program's log and its errors.
func Redacting(w io.Writer) io.Writer { return redacting{w} }

type redacting struct{ w io.Writer }

// Write implements io.Writer.
func (r redacting) Write(b []byte) (int, error) {
	if _, err := io.WriteString(r.w, Redact(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
