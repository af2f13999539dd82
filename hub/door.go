package hub

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/usage"
)

// The commands of the operator (official values, bills, tariffs) speak to the community that
// runs: it alone writes its data directory. Where it is reached stands in DoorFile as long as
// it runs, and the key that opens it in OperatorKeyFile.
const (
	OperatorKeyFile = "operator.key"
	DoorFile        = "address"
)

// Door is where a running community is reached.
type Door struct {
	URL         string `json:"url"`                   // without a slash at its end
	Certificate string `json:"certificate,omitempty"` // SHA-256 of the one that it shows, hex; empty without TLS
}

// noteDoor notes where this process is reached. One that listens at every address of the
// machine is reached at loopback's.
func noteDoor(dir *disk.Dir, at net.Addr, certificate *tls.Certificate) error {
	d := Door{URL: "http://" + reached(at)}
	if certificate != nil {
		sum := sha256.Sum256(certificate.Certificate[0])
		d = Door{URL: "https://" + reached(at), Certificate: hex.EncodeToString(sum[:])}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return dir.Replace(DoorFile, append(text, '\n'))
}

func reached(at net.Addr) string {
	host, port, err := net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return at.String()
}

// forgetDoor removes the note of a process that is gone, so that no key is shown to whoever
// listens there now.
func forgetDoor(dir *disk.Dir) error {
	if err := os.Remove(dir.File(DoorFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// FindDoor returns where the community of a data directory is reached, and the operator's
// key. That none runs on the directory is an error of usage that says what to do.
func FindDoor(dir string) (d Door, key string, err error) {
	if _, err := os.Stat(dir); err != nil {
		return d, "", usage.Errorf("data directory %s: %w: give the one of the community with --data", dir, err)
	}
	held, err := disk.Held(dir)
	if err != nil {
		return d, "", err
	}
	if !held {
		return d, "", usage.Errorf("no community runs on %s: start it (commonwatt run --data %s, with its --config), or give another --data, or --url and --key", dir, dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, DoorFile)) //nolint:gosec // in the data directory
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		return d, "", usage.Errorf("the community on %s is not reached yet, or no more (%w): try again when it has started, or give --url and --key", dir, err)
	}
	key, err = ReadKey(filepath.Join(dir, OperatorKeyFile))
	return d, key, err
}

// ReadKey returns the key in a file.
func ReadKey(path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the caller's
	if err != nil {
		return "", usage.Errorf("the operator's key: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", usage.Errorf("the operator's key: %s is empty", path)
	}
	return key, nil
}
