package usage

import (
	"io"
	"regexp"
	"strings"
)

// What nobody else should read of a text: what stands before the host of a URL, and the
// values of its fields that are called so.
var (
	addresses = regexp.MustCompile(`://[^\s"'<>]*@`)
	fields    = regexp.MustCompile(`((?i)[?&][a-z_.-]*(?:token|passwor[dt]|passwd|passphrase|pwd|pass|secret|key|auth|credentials?)=|[?&]p=)[^&\s"']+`)
)

// Redact returns a text without the passwords that are in its URLs.
func Redact(text string) string {
	text = addresses.ReplaceAllStringFunc(text, func(several string) string { // such as a,nats://b
		parts := strings.Split(several, "://")
		for k, part := range parts {
			if end := strings.LastIndexByte(part, '@'); end >= 0 { // a password may have any other sign
				parts[k] = "…" + part[end:]
			}
		}
		return strings.Join(parts, "://")
	})
	return fields.ReplaceAllString(text, "$1…")
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
