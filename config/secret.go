package config

import (
	"fmt"
	"os"
	"strings"
)

// shortestSecret is what a key or password must have at least, in characters.
const shortestSecret = 32

// ReadSecret reads a key or password from a file, of which the first and last blanks do not
// belong to it. One that is empty or short enough to be guessed is refused.
func ReadSecret(path string) (string, error) {
	b, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(b))
	switch {
	case secret == "":
		return "", fmt.Errorf("%s: is empty: put in %d characters or more, as from openssl rand -hex 32", path, shortestSecret)
	case len(secret) < shortestSecret:
		return "", fmt.Errorf("%s: %d characters are too short: use %d or more, as from openssl rand -hex 32", path, len(secret), shortestSecret)
	}
	return secret, nil
}
