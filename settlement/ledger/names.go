package ledger

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
)

// Names turns the community's own names into the pseudonyms of the ledger: each
// member has a random salt, kept off the ledger. Without the salt nothing on the
// ledger can be told to be the member's. It is safe for concurrent use.
type Names struct {
	// Kept is told whose salts are kept from now on, by marks that tell nobody who that is:
	// before one is forgotten, and after one was made. It may be nil.
	Kept func(marks []string) error

	path string
	seed []byte // of a replay; nil: salts are random and kept
	mu   sync.Mutex
	salt map[string]string // member → hex
}

// NamesFile is where a data directory keeps the salts.
const NamesFile = "members.json"

// OpenNames reads the salts in a file, or begins it.
func OpenNames(path string) (*Names, error) {
	n := &Names{path: path, salt: map[string]string{}}
	b, err := os.ReadFile(path) //nolint:gosec // in the data directory
	if errors.Is(err, os.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open names: %w", err)
	}
	if err := json.Unmarshal(b, &n.salt); err != nil {
		return nil, disk.Mismatch(path, fmt.Sprintf("cannot be read (%v)", err))
	}
	return n, nil
}

// SeededNames draws the salts from a seed, for replays.
func SeededNames(seed uint64) *Names {
	return &Names{seed: binary.BigEndian.AppendUint64([]byte("commonwatt/names/"), seed), salt: map[string]string{}}
}

const saltBytes = 16

// Salt returns a member's salt, which it makes at first.
func (n *Names) Salt(member string) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seed != nil {
		mac := hmac.New(sha256.New, n.seed)
		mac.Write([]byte(member))
		return mac.Sum(nil)[:saltBytes], nil
	}
	if text, found := n.salt[member]; found {
		salt, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("salt of %s: %w", member, err)
		}
		return salt, nil
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("salt of %s: %w", member, err)
	}
	n.salt[member] = hex.EncodeToString(salt)
	if err := n.keep(); err != nil {
		delete(n.salt, member)
		return nil, err
	}
	return salt, n.tell()
}

// Marks returns one for each salt that is kept, sorted.
func (n *Names) Marks() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.marks()
}

func (n *Names) marks() []string {
	marks := make([]string, 0, len(n.salt))
	for member, salt := range n.salt {
		sum := sha256.Sum256([]byte("commonwatt/names\n" + member + "\n" + salt))
		marks = append(marks, hex.EncodeToString(sum[:saltBytes]))
	}
	slices.Sort(marks)
	return marks
}

// tell says whose salts are kept. n.mu is held.
func (n *Names) tell() error {
	if n.Kept == nil {
		return nil
	}
	return n.Kept(n.marks())
}

// Empty tells whether no member has a salt yet.
func (n *Names) Empty() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seed == nil && len(n.salt) == 0
}

// Known returns a member's salt, nil when it has none (any more).
func (n *Names) Known(member string) []byte {
	n.mu.Lock()
	_, found := n.salt[member]
	n.mu.Unlock()
	if !found && n.seed == nil {
		return nil
	}
	salt, err := n.Salt(member)
	if err != nil {
		return nil
	}
	return salt
}

func (n *Names) keep() error {
	b, err := json.MarshalIndent(n.salt, "", "\t")
	if err != nil {
		return fmt.Errorf("keep names: %w", err)
	}
	return disk.Replace(n.path, append(b, '\n'), disk.Private)
}

// Erase forgets a member's salt: from then on the ledger does not say any more
// what is the member's.
func (n *Names) Erase(member string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	before, found := n.salt[member]
	if !found {
		return fmt.Errorf("erase %s: there is no such member", member)
	}
	delete(n.salt, member)
	err := n.tell()
	if err == nil {
		err = n.keep()
	}
	if err != nil {
		n.salt[member] = before
	}
	return err
}

// of returns the pseudonym of something of a member.
func (n *Names) of(member, kind, name string) (string, error) {
	salt, err := n.Salt(member)
	if err != nil {
		return "", err
	}
	return chaincode.Pseudonym(salt, kind, name), nil
}

// Blind returns a value that makes what is committed to of a member in an
// interval unguessable.
func (n *Names) Blind(member, interval string) (string, error) {
	return n.of(member, "blind", interval)
}

// Member returns a member's pseudonym.
func (n *Names) Member(member string) (string, error) {
	return n.of(member, chaincode.KindMember, member)
}

// Account returns the account of a member's metering point.
func (n *Names) Account(member, point string) (string, error) {
	return n.of(member, chaincode.KindMeteringPoint, point)
}

// Device returns the pseudonym of a member's device.
func (n *Names) Device(member, device string) (string, error) {
	return n.of(member, chaincode.KindDevice, device)
}
