// Package identity holds the certificates with which people and machines write
// to a ledger: X.509, ECDSA on P-256, with the attributes that the contracts
// check in the extension where Fabric's own CA keeps them. The embedded ledger
// and a Fabric network take the same ones.
package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"

	"github.com/commonwatt/commonwatt/disk"
)

// Identity is a caller: an organisation's certificate for it and its key.
type Identity struct {
	MSP         string // the organisation
	Certificate []byte // PEM
	Key         *ecdsa.PrivateKey
}

// Authority certifies for an organisation.
type Authority struct {
	Identity

	dir string
}

// OpenAuthority reads an organisation's authority and later its identities in
// dir, or makes them there. Private keys are readable by their owner alone.
func OpenAuthority(dir, organisation string) (*Authority, error) {
	if err := disk.MakeFolder(dir); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	template := Template(organisation, organisation+" CA")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	id, err := open(dir, CAFile, organisation, func(key *ecdsa.PrivateKey) ([]byte, error) {
		return certify(template, template, &key.PublicKey, key)
	})
	if err != nil {
		return nil, err
	}
	return &Authority{Identity: *id, dir: dir}, nil
}

// Dir is where the authority keeps its keys.
func (a *Authority) Dir() string { return a.dir }

// CAFile is the name of an authority's files, without their endings.
const CAFile = "ca"

// Open reads or makes the identity of a name. change, if not nil, completes the
// certificate's template.
func (a *Authority) Open(name string, attributes map[string]string, change func(*x509.Certificate)) (*Identity, error) {
	return open(a.dir, name, a.MSP, func(key *ecdsa.PrivateKey) ([]byte, error) {
		template := Template(a.MSP, name)
		if len(attributes) > 0 {
			extension, err := json.Marshal(map[string]any{"attrs": attributes})
			if err != nil {
				return nil, fmt.Errorf("certify %s: %w", name, err)
			}
			template.ExtraExtensions = []pkix.Extension{{Id: attributeOID(), Value: extension}}
		}
		template.Subject.OrganizationalUnit = []string{"client"}
		if change != nil {
			change(template)
		}
		parent, err := Parse(a.Certificate)
		if err != nil {
			return nil, err
		}
		return certify(template, parent, &key.PublicKey, a.Key)
	})
}

// Load reads an identity from two files.
func Load(organisation, certificate, key string) (*Identity, error) {
	cert, err := os.ReadFile(certificate) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	if _, err := Parse(cert); err != nil {
		return nil, fmt.Errorf("open keys: %s: %w", certificate, err)
	}
	text, err := os.ReadFile(key) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("open keys: %s: not PEM", key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("open keys: %s: %w", key, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("open keys: %s: not an ECDSA key", key)
	}
	return &Identity{MSP: organisation, Certificate: cert, Key: private}, nil
}

func open(dir, name, organisation string, certify func(*ecdsa.PrivateKey) ([]byte, error)) (*Identity, error) {
	keyPath, certPath := filepath.Join(dir, name+".key"), filepath.Join(dir, name+".pem")
	if _, err := os.Stat(keyPath); err == nil {
		return Load(organisation, certPath, keyPath)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	cert, err := certify(key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	// The key is written last: it alone says that the pair is whole.
	if err := disk.Replace(certPath, cert, disk.Private); err != nil {
		return nil, err
	}
	if err := disk.Replace(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), disk.Private); err != nil {
		return nil, err
	}
	return &Identity{MSP: organisation, Certificate: cert, Key: key}, nil
}

// attributeOID marks the extension in which Fabric's CA keeps attributes.
func attributeOID() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1} }

const certificateYears = 10

// Template is a certificate to be, good for signatures.
func Template(organisation, name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: []string{organisation}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certificateYears, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
}

func certify(template, parent *x509.Certificate, key *ecdsa.PublicKey, issuer *ecdsa.PrivateKey) (_ []byte, err error) {
	const serialBits = 127
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits)); err != nil {
		return nil, fmt.Errorf("certify %s: %w", template.Subject.CommonName, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, issuer)
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", template.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Parse reads a certificate in PEM.
func Parse(certificate []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil, errors.New("certificate: not PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return c, nil
}

// Serialize returns the identity as contracts see a creator on Fabric.
func (i *Identity) Serialize() ([]byte, error) {
	b, err := proto.Marshal(&msp.SerializedIdentity{Mspid: i.MSP, IdBytes: i.Certificate})
	if err != nil {
		return nil, fmt.Errorf("serialize identity: %w", err)
	}
	return b, nil
}

// Sign signs a digest, ASN.1.
func (i *Identity) Sign(digest []byte) ([]byte, error) {
	signature, err := ecdsa.SignASN1(rand.Reader, i.Key, digest)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

// Trust knows the authorities that a verifier trusts, by organisation. It is
// safe for concurrent use, and looks at each certificate once.
type Trust struct {
	pools map[string]*x509.CertPool
	known sync.Map // serialized identity → trusted
}

type trusted struct {
	key *ecdsa.PublicKey
	msp string
}

// NewTrust trusts authorities: certificates in PEM by organisation.
func NewTrust(authorities map[string][]byte) (*Trust, error) {
	t := &Trust{pools: map[string]*x509.CertPool{}}
	for organisation, certificate := range authorities {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(certificate) {
			return nil, fmt.Errorf("CA certificate of %s: not PEM", organisation)
		}
		t.pools[organisation] = pool
	}
	return t, nil
}

// Organisation returns who vouches for a serialized identity. An identity that
// nobody trusted vouches for is an error.
func (t *Trust) Organisation(serialized []byte) (string, error) {
	k, err := t.look(serialized)
	return k.msp, err
}

// Verify checks an identity and its signature over a digest, and returns the
// organisation.
func (t *Trust) Verify(serialized, digest, signature []byte) (string, error) {
	k, err := t.look(serialized)
	if err != nil {
		return "", err
	}
	if !ecdsa.VerifyASN1(k.key, digest, signature) {
		return "", errors.New("signature does not match")
	}
	return k.msp, nil
}

func (t *Trust) look(serialized []byte) (trusted, error) {
	if k, found := t.known.Load(string(serialized)); found {
		return k.(trusted), nil //nolint:forcetypeassert,errcheck // nothing else is stored
	}
	id := &msp.SerializedIdentity{}
	if err := proto.Unmarshal(serialized, id); err != nil {
		return trusted{}, fmt.Errorf("identity: %w", err)
	}
	pool, found := t.pools[id.GetMspid()]
	if !found {
		return trusted{}, fmt.Errorf("certificate: of an unknown organisation %q", id.GetMspid())
	}
	c, err := Parse(id.GetIdBytes())
	if err != nil {
		return trusted{}, err
	}
	// Certificates are judged at the moment they began: the ledger outlives
	// them.
	_, err = c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: c.NotBefore.Add(2 * time.Hour), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return trusted{}, fmt.Errorf("certificate: %w", err)
	}
	key, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return trusted{}, errors.New("certificate: not of an ECDSA key")
	}
	k := trusted{key, id.GetMspid()}
	t.known.Store(string(serialized), k)
	return k, nil
}
