package network

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/hyperledger/fabric-admin-sdk/pkg/chaincode"
	"github.com/hyperledger/fabric-admin-sdk/pkg/channel"
	adminid "github.com/hyperledger/fabric-admin-sdk/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	fabpeer "github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	contract "github.com/commonwatt/commonwatt/chaincode"
	"github.com/commonwatt/commonwatt/disk"
	"github.com/commonwatt/commonwatt/settlement/ledger"
	"github.com/commonwatt/commonwatt/settlement/ledger/fabric"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// deployment brings a network's channel and contracts up, as the administrators of its
// organisations.
type deployment struct {
	*description

	processes *processes
}

// up brings the network up, as far as it is not: processes, channel, contracts.
// say is told each step. It returns when both organisations have committed the
// contracts' definition.
func (u deployment) up(ctx context.Context, say func(step string)) error {
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"starting orderers", func(context.Context) error { return u.processes.startAll(orderer) }},
		{"orderers join the channel", u.joinOrderers},
		{"starting peers", func(context.Context) error { return u.processes.startAll(peer) }},
		{"peers join the channel", u.joinPeers},
		{"installing the contracts", u.install},
		{"starting the contracts", func(context.Context) error { return u.processes.startAll(contracts) }},
		{"both organisations approve and commit the contracts", u.define},
	}
	for _, s := range steps {
		say(s.name)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (u deployment) genesis() (*common.Block, error) {
	b, err := os.ReadFile(u.file("genesis.block"))
	if err != nil {
		return nil, err
	}
	block := &common.Block{}
	return block, proto.Unmarshal(b, block)
}

func (u deployment) joinOrderers(ctx context.Context) error {
	block, err := u.genesis()
	if err != nil {
		return err
	}
	for _, node := range u.kind(orderer) {
		roots := x509.NewCertPool()
		ca, err := os.ReadFile(u.tlsCA(node.MSP))
		if err != nil {
			return err
		}
		roots.AppendCertsFromPEM(ca)
		own, err := tls.LoadX509KeyPair(u.tlsFile(node, ".pem"), u.tlsFile(node, ".key"))
		if err != nil {
			return err
		}
		url := fmt.Sprintf("https://127.0.0.1:%d", node.Admin)
		err = u.processes.retry(ctx, func(context.Context) error {
			list, err := channel.ListChannel(url, roots, own)
			if err != nil || len(list.Channels) > 0 {
				return err
			}
			answer, err := channel.CreateChannel(url, block, roots, own)
			if err != nil {
				return err
			}
			defer answer.Body.Close() //nolint:errcheck // it was only read
			if answer.StatusCode != http.StatusCreated {
				return fmt.Errorf("%s answers %s", node.Name, answer.Status)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", node.Name, err)
		}
	}
	return nil
}

// admin connects to an organisation's peer as its administrator.
func (u deployment) admin(node Node) (*grpc.ClientConn, adminid.SigningIdentity, error) {
	conn, err := fabric.Dial(fabric.Peer{Address: node.address(), TLS: u.tlsCA(node.MSP)})
	if err != nil {
		return nil, nil, err
	}
	authority, err := identity.OpenAuthority(u.authorityDir(node.MSP), node.MSP)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	id, err := authority.Open("admin", nil, unit("admin"))
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	certificate, err := identity.Parse(id.Certificate)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	signer, err := adminid.NewPrivateKeySigningIdentity(node.MSP, certificate, id.Key)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, signer, nil
}

// atPeers does something as the administrator of each peer.
func (u deployment) atPeers(ctx context.Context, do func(ctx context.Context, node Node, conn *grpc.ClientConn, id adminid.SigningIdentity) error) error {
	for _, node := range u.kind(peer) {
		conn, id, err := u.admin(node)
		if err != nil {
			return err
		}
		err = u.processes.retry(ctx, func(ctx context.Context) error { return do(ctx, node, conn, id) })
		if err = errors.Join(err, conn.Close()); err != nil {
			return fmt.Errorf("%s: %w (see %s)", node.Name, err, u.file(node.Name, "log"))
		}
	}
	return nil
}

func (u deployment) joinPeers(ctx context.Context) error {
	block, err := u.genesis()
	if err != nil {
		return err
	}
	return u.atPeers(ctx, func(ctx context.Context, _ Node, conn *grpc.ClientConn, id adminid.SigningIdentity) error {
		joined, err := channel.ListChannelOnPeer(ctx, conn, id)
		if err != nil || len(joined) > 0 {
			return err
		}
		return channel.JoinChannel(ctx, conn, id, block)
	})
}

const label = "commonwatt"

// install puts a package on each peer that says where its contract service is.
func (u deployment) install(ctx context.Context) error {
	return u.atPeers(ctx, func(ctx context.Context, node Node, conn *grpc.ClientConn, id adminid.SigningIdentity) error {
		service, err := u.node("contracts-" + strings.ToLower(node.MSP))
		if err != nil {
			return err
		}
		pack, err := u.packageOf(service)
		if err != nil {
			return err
		}
		packageID := chaincode.GetPackageID(label, pack)
		p := chaincode.NewPeer(conn, id)
		installed, err := p.QueryInstalled(ctx)
		if err != nil {
			return err
		}
		there := false
		for _, one := range installed.GetInstalledChaincodes() {
			there = there || one.GetPackageId() == packageID
		}
		if !there {
			if _, err := p.Install(ctx, bytes.NewReader(pack)); err != nil {
				return err
			}
		}
		return disk.Replace(u.file(service.Name, "package.id"), []byte(packageID+"\n"), disk.Private)
	})
}

// packageOf makes the package of a service, the same bytes every time.
func (u deployment) packageOf(service Node) ([]byte, error) {
	root, err := os.ReadFile(u.tlsCA(service.MSP))
	if err != nil {
		return nil, err
	}
	connection, err := json.Marshal(map[string]any{
		"address": service.address(), "dial_timeout": "10s", "tls_required": true, "client_auth_required": false, "root_cert": string(root),
	})
	if err != nil {
		return nil, err
	}
	code, err := archive(map[string][]byte{"connection.json": connection})
	if err != nil {
		return nil, err
	}
	metadata, err := json.Marshal(chaincode.Metadata{Type: "ccaas", Label: label})
	if err != nil {
		return nil, err
	}
	return archive(map[string][]byte{"metadata.json": metadata, "code.tar.gz": code})
}

func archive(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, name := range []string{"metadata.json", "code.tar.gz", "connection.json"} {
		content, has := files[name]
		if !has {
			continue
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}); err != nil {
			return nil, err
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(w.Close(), zipped.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// define has both organisations approve the contracts, and commits them:
// transactions need both.
func (u deployment) define(ctx context.Context) error {
	rule := fmt.Sprintf("AND('%s.peer','%s.peer')", ledger.MSPCommunity, ledger.MSPUtility)
	policy, err := chaincode.NewApplicationPolicy(rule, "")
	if err != nil {
		return err
	}
	private, err := collections()
	if err != nil {
		return err
	}
	definition := &chaincode.Definition{
		ChannelName: Channel, Name: Chaincode, Version: "1", Sequence: 1, ApplicationPolicy: policy, Collections: private,
	}
	committed := false
	err = u.atPeers(ctx, func(ctx context.Context, node Node, conn *grpc.ClientConn, id adminid.SigningIdentity) error {
		g := chaincode.NewGateway(conn, id)
		there, err := g.QueryCommitted(ctx, Channel)
		if err != nil {
			return err
		}
		if committed = committed || len(there.GetChaincodeDefinitions()) > 0; committed {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(u.file("contracts-"+strings.ToLower(node.MSP)), "package.id"))
		if err != nil {
			return err
		}
		own := *definition
		own.PackageID = strings.TrimSpace(string(text))
		if err := g.Approve(ctx, &own); err != nil && !strings.Contains(err.Error(), "unchanged content") {
			return err
		}
		return nil
	})
	if err != nil || committed {
		return err
	}
	done := false
	return u.atPeers(ctx, func(ctx context.Context, _ Node, conn *grpc.ClientConn, id adminid.SigningIdentity) error {
		g := chaincode.NewGateway(conn, id)
		there, err := g.QueryCommitted(ctx, Channel)
		if err != nil {
			return err
		}
		if len(there.GetChaincodeDefinitions()) > 0 {
			done = true
			return nil
		}
		if done {
			return errors.New("it has not seen the commit yet")
		}
		if err := g.Commit(ctx, definition); err != nil {
			return err
		}
		return errors.New("committed; waiting to see it")
	})
}

// collections are the private ones: of both organisations, never removed but
// by a purge.
func collections() (*fabpeer.CollectionConfigPackage, error) {
	members := &common.SignaturePolicyEnvelope{Rule: &common.SignaturePolicy{}}
	either := &common.SignaturePolicy_NOutOf{N: 1}
	for k, organisation := range organisations() {
		principal, err := proto.Marshal(&msp.MSPRole{MspIdentifier: organisation, Role: msp.MSPRole_MEMBER})
		if err != nil {
			return nil, err
		}
		members.Identities = append(members.Identities, &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_ROLE, Principal: principal})
		either.Rules = append(either.Rules, &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(k)}})
	}
	members.Rule.Type = &common.SignaturePolicy_NOutOf_{NOutOf: either}
	all := &fabpeer.CollectionConfigPackage{}
	for _, name := range []string{contract.CollectionPersonal, contract.CollectionEvidence} {
		all.Config = append(all.Config, &fabpeer.CollectionConfig{Payload: &fabpeer.CollectionConfig_StaticCollectionConfig{
			StaticCollectionConfig: &fabpeer.StaticCollectionConfig{
				Name: name, MaximumPeerCount: 1, MemberOnlyRead: true, MemberOnlyWrite: true,
				MemberOrgsPolicy: &fabpeer.CollectionPolicyConfig{Payload: &fabpeer.CollectionPolicyConfig_SignaturePolicy{SignaturePolicy: members}},
			},
		}})
	}
	return all, nil
}
