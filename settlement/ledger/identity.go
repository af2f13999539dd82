package ledger

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
	"strings"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/proto"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Identity is a caller: a certificate with attributes and its key.
type Identity struct {
	certificate []byte // PEM
	key         *ecdsa.PrivateKey
}

// Keys are what an embedded ledger is run with.
type Keys struct {
	Operator  *Identity
	Installer *Identity
	CA        []byte      // certificate, PEM
	Signer    note.Signer // of checkpoints
	Public    string      // verifier key of the checkpoints
}

// mspID names the organisation that the embedded CA certifies.
const mspID = "Community"

// Files of the keys in their directory.
const (
	caFile     = "ca"
	signerFile = "ledger.key"
)

// OpenKeys reads the keys of a community in dir, or makes them there. Private
// keys are readable by their owner alone.
func OpenKeys(dir, community string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	ca, err := openIdentity(dir, caFile, func(key *ecdsa.PrivateKey) ([]byte, error) {
		return certify(key, nil, key, "Commonwatt embedded CA", nil)
	})
	if err != nil {
		return nil, err
	}
	k := &Keys{CA: ca.certificate}
	for name, into := range map[string]**Identity{chaincode.RoleOperator: &k.Operator, chaincode.RoleInstaller: &k.Installer} {
		attributes := map[string]string{chaincode.AttributeRole: name, chaincode.AttributeCommunity: community}
		*into, err = openIdentity(dir, name, func(key *ecdsa.PrivateKey) ([]byte, error) {
			return certify(key, ca.certificate, ca.key, name, attributes)
		})
		if err != nil {
			return nil, err
		}
	}
	k.Signer, k.Public, err = openSigner(filepath.Join(dir, signerFile), "commonwatt/"+community)
	return k, err
}

func openIdentity(dir, name string, certify func(*ecdsa.PrivateKey) ([]byte, error)) (*Identity, error) {
	keyPath, certPath := filepath.Join(dir, name+".key"), filepath.Join(dir, name+".pem")
	keyPEM, err := os.ReadFile(keyPath) //nolint:gosec // the directory is the operator's
	if err == nil {
		cert, err := os.ReadFile(certPath) //nolint:gosec // the directory is the operator's
		if err != nil {
			return nil, fmt.Errorf("open keys: %w", err)
		}
		block, _ := pem.Decode(keyPEM)
		if block == nil {
			return nil, fmt.Errorf("open keys: %s: not PEM", keyPath)
		}
		key, err := x509.ParseECPrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("open keys: %s: %w", keyPath, err)
		}
		return &Identity{certificate: cert, key: key}, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
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
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	// The key is written last: it alone says that the pair is whole.
	if err := writeDurably(certPath, cert); err != nil {
		return nil, err
	}
	if err := writeDurably(keyPath, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})); err != nil {
		return nil, err
	}
	return &Identity{certificate: cert, key: key}, nil
}

func openSigner(path, name string) (note.Signer, string, error) {
	skey, err := os.ReadFile(path) //nolint:gosec // the directory is the operator's
	if errors.Is(err, os.ErrNotExist) {
		var s, v string
		if s, v, err = note.GenerateKey(rand.Reader, name); err == nil {
			skey = []byte(s + "\n" + v + "\n")
			err = writeDurably(path, skey)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("ledger key: %w", err)
	}
	private, public, _ := strings.Cut(strings.TrimSpace(string(skey)), "\n")
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, "", fmt.Errorf("ledger key %s: %w", path, err)
	}
	return signer, public, nil
}

// writeDurably replaces the file as a whole, readable by its owner alone.
func writeDurably(path string, data []byte) error {
	temporary := path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the directory is the operator's
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// attributeOID marks the extension in which Fabric's CA keeps attributes.
func attributeOID() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1} }

const certificateYears = 10

// certify signs a certificate for key; a nil issuer makes a root.
func certify(key *ecdsa.PrivateKey, issuer []byte, issuerKey *ecdsa.PrivateKey, name string, attributes map[string]string) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", name, err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{mspID}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certificateYears, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	parent := template
	if issuer == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		if parent, err = parseCertificate(issuer); err != nil {
			return nil, err
		}
		extension, err := json.Marshal(map[string]any{"attrs": attributes})
		if err != nil {
			return nil, fmt.Errorf("certify %s: %w", name, err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: attributeOID(), Value: extension}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", name, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func parseCertificate(certificate []byte) (*x509.Certificate, error) {
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

// serialized is the creator as contracts see it on Fabric.
func serialized(certificate []byte) ([]byte, error) {
	b, err := proto.Marshal(&msp.SerializedIdentity{Mspid: mspID, IdBytes: certificate})
	if err != nil {
		return nil, fmt.Errorf("serialize identity: %w", err)
	}
	return b, nil
}

func (i *Identity) sign(digest []byte) ([]byte, error) {
	signature, err := ecdsa.SignASN1(rand.Reader, i.key, digest)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

// verifySigned checks the creator's certificate against the CA and its
// signature over the digest.
func verifySigned(ca *x509.CertPool, certificate, digest, signature []byte) error {
	c, err := parseCertificate(certificate)
	if err != nil {
		return err
	}
	// Certificates are judged at the moment they began: the ledger outlives
	// them.
	_, err = c.Verify(x509.VerifyOptions{Roots: ca, CurrentTime: c.NotBefore.Add(2 * time.Hour), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	public, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok || !ecdsa.VerifyASN1(public, digest, signature) {
		return errors.New("signature does not match")
	}
	return nil
}
