package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Organisations of a network that the program sets up itself.
const (
	MSPCommunity = "Community"
	MSPUtility   = "Utility"
)

// Files of the keys in a data directory. What is in UtilityDir is the
// utility's: a community whose utility takes part has its certificate and public
// keys there alone.
const (
	PublicKey    = "ledger.pub"  // verifier key of the checkpoints
	WitnessKey   = "witness.pub" // verifier key of the utility's cosignatures
	KeyDir       = "keys"
	CommunityDir = "keys/community"
	UtilityDir   = "keys/utility"

	signerFile  = "ledger.key"
	witnessFile = "witness.key"
	beaconFile  = "beacon.key"
)

// People are the identities with which a community's program writes.
type People struct {
	Operator  *identity.Identity
	Installer *identity.Identity
	Governor  *identity.Identity
	Utility   *identity.Identity // nil: the utility is elsewhere
	Members   *identity.Authority
	Trust     *identity.Trust

	UtilityMSP string // the utility's organisation
	// Beacon has the secrets from which the beacon of the challenges is drawn, by
	// role, of those parties that are here.
	Beacon  map[string][]byte
	Signer  note.Signer // of checkpoints
	Witness *Witness    // nil: the utility is elsewhere

	community string
	public    string // file of the verifier key
}

// OpenPeople reads a community's keys in a data directory, or makes them there,
// with its utility's, for a community that is its own. Private keys are
// readable by their owner alone.
func OpenPeople(dir, community string) (*People, error) {
	own, err := identity.OpenAuthority(filepath.Join(dir, CommunityDir), MSPCommunity)
	if err != nil {
		return nil, err
	}
	utility, err := identity.OpenAuthority(filepath.Join(dir, UtilityDir), MSPUtility)
	if err != nil {
		return nil, err
	}
	p := &People{Members: own, UtilityMSP: MSPUtility, community: community, public: filepath.Join(dir, PublicKey)}
	for role, into := range map[string]**identity.Identity{
		chaincode.RoleOperator: &p.Operator, chaincode.RoleInstaller: &p.Installer, chaincode.RoleGovernor: &p.Governor,
	} {
		if *into, err = own.Open(role, Attributes(community, role), nil); err != nil {
			return nil, err
		}
	}
	if p.Utility, err = utility.Open(chaincode.RoleUtility, Attributes(community, chaincode.RoleUtility), nil); err != nil {
		return nil, err
	}
	if p.Trust, err = identity.NewTrust(map[string][]byte{MSPCommunity: own.Certificate, MSPUtility: utility.Certificate}); err != nil {
		return nil, err
	}
	if p.Signer, err = openSigner(filepath.Join(dir, KeyDir, signerFile), filepath.Join(dir, PublicKey), "commonwatt/"+community); err != nil {
		return nil, err
	}
	if p.Beacon, err = openBeacon(map[string]string{chaincode.RoleOperator: filepath.Join(dir, CommunityDir), chaincode.RoleUtility: filepath.Join(dir, UtilityDir)}); err != nil {
		return nil, err
	}
	witness, err := openSigner(filepath.Join(dir, UtilityDir, witnessFile), filepath.Join(dir, WitnessKey), "utility/"+community)
	if err != nil {
		return nil, err
	}
	p.Witness, err = NewWitness(witness, filepath.Join(dir, UtilityDir, "witnessed"))
	return p, err
}

// Elsewhere returns the people of a community whose certificates come from an
// authority that is not this program's: an existing network. The signing key of
// the checkpoints is in dir.
func Elsewhere(dir, community, utilityMSP string, operator, installer, governor *identity.Identity) (*People, error) {
	if err := disk.MakeFolder(filepath.Join(dir, CommunityDir)); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	signer, err := openSigner(filepath.Join(dir, KeyDir, signerFile), filepath.Join(dir, PublicKey), "commonwatt/"+community)
	if err != nil {
		return nil, err
	}
	beacon, err := openBeacon(map[string]string{chaincode.RoleOperator: filepath.Join(dir, CommunityDir)})
	return &People{
		Operator: operator, Installer: installer, Governor: governor, UtilityMSP: utilityMSP, Signer: signer, Beacon: beacon, community: community,
		public: filepath.Join(dir, PublicKey),
	}, err
}

// openBeacon reads the parties' secrets, or makes them, each in the party's
// directory.
func openBeacon(parties map[string]string) (map[string][]byte, error) {
	secrets := map[string][]byte{}
	for role, dir := range parties {
		path := filepath.Join(dir, beaconFile)
		text, err := os.ReadFile(path) //nolint:gosec // the directory is the operator's
		if errors.Is(err, os.ErrNotExist) {
			secret := make([]byte, sha256.Size)
			if _, err = rand.Read(secret); err == nil {
				text = []byte(hex.EncodeToString(secret) + "\n")
				err = disk.Replace(path, text, disk.Private)
			}
		}
		if err == nil {
			secrets[role], err = hex.DecodeString(strings.TrimSpace(string(text)))
		}
		if err == nil && len(secrets[role]) != sha256.Size {
			err = fmt.Errorf("has %d bytes, want %d: restore it from a copy", len(secrets[role]), sha256.Size)
		}
		if err != nil {
			return nil, fmt.Errorf("secret of the beacon %s: %w", path, err)
		}
	}
	return secrets, nil
}

// Attributes are what a certificate of a role says.
func Attributes(community, role string) map[string]string {
	return map[string]string{chaincode.AttributeRole: role, chaincode.AttributeCommunity: community}
}

// Member returns the identity of a member by its pseudonym.
func (p *People) Member(pseudonym string) (*identity.Identity, error) {
	attributes := Attributes(p.community, chaincode.RoleMember)
	attributes[chaincode.AttributeMember] = pseudonym
	return p.Members.Open("member-"+pseudonym, attributes, nil)
}

// TrustOf reads whom a data directory's ledger trusts.
func TrustOf(dir string) (*identity.Trust, error) {
	authorities := map[string][]byte{}
	for organisation, at := range map[string]string{MSPCommunity: CommunityDir, MSPUtility: UtilityDir} {
		certificate, err := os.ReadFile(filepath.Join(dir, at, identity.CAFile+".pem")) //nolint:gosec // the directory is the operator's
		if err != nil {
			return nil, fmt.Errorf("CA certificate: %w", err)
		}
		authorities[organisation] = certificate
	}
	return identity.NewTrust(authorities)
}

// openSigner reads a note's signer, or makes it, and publishes its verifier
// key.
func openSigner(path, public, name string) (note.Signer, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the directory is the operator's
	if errors.Is(err, os.ErrNotExist) {
		var s, v string
		if s, v, err = note.GenerateKey(rand.Reader, name); err == nil {
			text = []byte(s + "\n" + v + "\n")
			err = disk.Replace(path, text, disk.Private)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	private, verifier, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", path, err)
	}
	if err := disk.Replace(public, []byte(verifier+"\n"), disk.Private); err != nil {
		return nil, err
	}
	if err := os.Chmod(public, 0o644); err != nil { //nolint:gosec // it is public
		return nil, fmt.Errorf("publish key: %w", err)
	}
	return signer, nil
}

// OpenSigner reads the signing key of the checkpoints in a directory.
func OpenSigner(dir string) (note.Signer, error) {
	text, err := os.ReadFile(filepath.Join(dir, KeyDir, signerFile)) //nolint:gosec // the directory is the operator's
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	private, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return signer, nil
}

// Key returns the verifier key of the checkpoints.
func (p *People) Key() (string, error) {
	text, err := os.ReadFile(p.public)
	if err != nil {
		return "", fmt.Errorf("ledger key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// ReadVerifier reads a verifier key from a file.
func ReadVerifier(path string) (note.Verifier, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	key, err := note.NewVerifier(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("ledger key %s: %w", path, err)
	}
	return key, nil
}
