package fabric

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/commonwatt/commonwatt/settlement/audit"
	"github.com/commonwatt/commonwatt/settlement/ledger/identity"
)

// Verify reads the whole chain from a peer and trusts nothing of what the peer
// says: the chain of hashes, the orderers' signatures, of every valid transaction
// the client's signature and the endorsements of all the organisations, and
// every batch and run, summed up again by the auditor. Whom to trust comes from
// outside. Errors: *audit.TamperedError.
func (c *Chain) Verify(ctx context.Context, trust *identity.Trust, endorsers []string, progress func(done, all int64)) (*audit.Auditor, error) {
	height, last, err := c.Head(ctx)
	if err != nil {
		return nil, err
	}
	v := &verifier{trust: trust, endorsers: endorsers, chaincode: c.peers.profile.Chaincode, auditor: audit.NewAuditor(), seen: map[string]bool{}}
	err = c.raw(ctx, 0, func(b *common.Block) error {
		if progress != nil {
			progress(v.next, height)
		}
		return v.block(b)
	})
	if err != nil {
		return v.auditor, err
	}
	if v.next == height && !bytes.Equal(v.previous, last) {
		return v.auditor, &audit.TamperedError{What: fmt.Sprintf("block %d does not have the hash that the peer says", height-1)}
	}
	return v.auditor, v.auditor.Close()
}

// VerifyNetwork connects to a network, as a reader only, and verifies its chain.
func VerifyNetwork(ctx context.Context, p Profile, reader *identity.Identity, trust *identity.Trust, endorsers []string, progress func(done, all int64)) (*audit.Auditor, error) {
	dir, err := os.MkdirTemp("", "commonwatt-verify-")
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system clears its temporary directory as well
	chain, err := Open(ctx, p, reader, filepath.Join(dir, OutboxFile), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	auditor, err := chain.Verify(ctx, trust, endorsers, progress)
	return auditor, errors.Join(err, chain.Close())
}

// VerifyBlocks verifies blocks from elsewhere, in order from the first.
func VerifyBlocks(blocks []*common.Block, chaincode string, trust *identity.Trust, endorsers []string) (*audit.Auditor, error) {
	v := &verifier{trust: trust, endorsers: endorsers, chaincode: chaincode, auditor: audit.NewAuditor(), seen: map[string]bool{}}
	for _, b := range blocks {
		if err := v.block(b); err != nil {
			return v.auditor, err
		}
	}
	return v.auditor, v.auditor.Close()
}

type verifier struct {
	trust     *identity.Trust
	endorsers []string // organisations that must have endorsed each transaction
	chaincode string
	auditor   *audit.Auditor
	next      int64
	previous  []byte
	orderers  map[uint32][]byte // under SmartBFT: who orders, as serialized identities
	seen      map[string]bool   // transactions
}

func (v *verifier) block(b *common.Block) error {
	wrong := func(format string, args ...any) error {
		return &audit.TamperedError{What: fmt.Sprintf("block %d: ", v.next) + fmt.Sprintf(format, args...)}
	}
	header := b.GetHeader()
	if int64(header.GetNumber()) != v.next {
		return wrong("the peer gives block %d", header.GetNumber())
	}
	if v.next > 0 && !bytes.Equal(header.GetPreviousHash(), v.previous) {
		return wrong("does not follow block %d: its previous hash differs", v.next-1)
	}
	data := sha256.Sum256(bytes.Join(b.GetData().GetData(), nil))
	if !bytes.Equal(data[:], header.GetDataHash()) {
		return wrong("its transactions do not match its hash")
	}
	encoded, err := headerBytes(header)
	if err != nil {
		return err
	}
	if v.next > 0 { // the first is the network's beginning: nobody could sign it
		if err := v.ordered(b, encoded); err != nil {
			return wrong("%v", err)
		}
	}
	if err := v.configured(b); err != nil {
		return wrong("%v", err)
	}
	if err := v.transactions(b); err != nil {
		return wrong("%v", err)
	}
	block, err := blockOf(b, v.chaincode)
	if err != nil {
		return wrong("%v", err)
	}
	prepared, err := audit.Prepare(block)
	if err == nil {
		err = v.auditor.Audit(prepared)
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(encoded)
	v.previous = sum[:]
	v.auditor.Report.Hash = hex.EncodeToString(v.previous)
	v.next++
	return nil
}

// headerBytes is what a block's hash and the orderers' signatures cover.
func headerBytes(h *common.BlockHeader) ([]byte, error) {
	b, err := asn1.Marshal(struct {
		Number       *big.Int
		PreviousHash []byte
		DataHash     []byte
	}{new(big.Int).SetUint64(h.GetNumber()), h.GetPreviousHash(), h.GetDataHash()})
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	return b, nil
}

// ordered checks that an orderer of a trusted organisation signed the block.
func (v *verifier) ordered(b *common.Block, header []byte) error {
	const at = int(common.BlockMetadataIndex_SIGNATURES)
	all := b.GetMetadata().GetMetadata()
	if len(all) <= at {
		return errors.New("no orderer signed it")
	}
	metadata := &common.Metadata{}
	if err := unmarshal(all[at], metadata); err != nil {
		return err
	}
	signed := map[string]bool{}
	for _, s := range metadata.GetSignatures() {
		who, signedHeader, err := v.orderer(s)
		if err != nil {
			return err
		}
		digest := sha256.Sum256(slices.Concat(metadata.GetValue(), signedHeader, header))
		if _, err := v.trust.Verify(who, digest[:], s.GetSignature()); err != nil {
			return fmt.Errorf("the orderer's signature: %w", err)
		}
		signed[string(who)] = true
		v.auditor.Report.Signatures++
	}
	if len(signed) < v.quorum() {
		return fmt.Errorf("%d orderers signed it, %d are needed", len(signed), v.quorum())
	}
	return nil
}

// orderer returns who signed a block, and what of that is signed with it.
func (v *verifier) orderer(s *common.MetadataSignature) (who, header []byte, err error) {
	if len(s.GetSignatureHeader()) > 0 {
		creator := &common.SignatureHeader{}
		err := unmarshal(s.GetSignatureHeader(), creator)
		return creator.GetCreator(), s.GetSignatureHeader(), err
	}
	by := &common.IdentifierHeader{}
	if err := unmarshal(s.GetIdentifierHeader(), by); err != nil {
		return nil, nil, err
	}
	who, known := v.orderers[by.GetIdentifier()]
	if !known {
		return nil, nil, fmt.Errorf("signed by orderer %d, which the channel does not have", by.GetIdentifier())
	}
	return who, s.GetIdentifierHeader(), nil
}

// quorum is how many orderers have to sign a block: one under Raft, under SmartBFT
// so many that two quorums share one who does not lie.
func (v *verifier) quorum() int {
	n := len(v.orderers)
	if n == 0 {
		return 1
	}
	liars := (n - 1) / 3
	return (n + liars + 2) / 2 // rounded up
}

// configured learns from a configuration block who orders.
func (v *verifier) configured(b *common.Block) error {
	for _, data := range b.GetData().GetData() {
		envelope, payload, header, config := &common.Envelope{}, &common.Payload{}, &common.ChannelHeader{}, &common.ConfigEnvelope{}
		if err := errors.Join(unmarshal(data, envelope), unmarshal(envelope.GetPayload(), payload), unmarshal(payload.GetHeader().GetChannelHeader(), header)); err != nil {
			return err
		}
		if header.GetType() != int32(common.HeaderType_CONFIG) {
			return nil
		}
		if err := unmarshal(payload.GetData(), config); err != nil {
			return err
		}
		orderers := &common.Orderers{}
		value := config.GetConfig().GetChannelGroup().GetGroups()["Orderer"].GetValues()["Orderers"]
		if err := unmarshal(value.GetValue(), orderers); err != nil {
			return err
		}
		now := map[uint32][]byte{}
		for _, c := range orderers.GetConsenterMapping() {
			who, err := proto.Marshal(&msp.SerializedIdentity{Mspid: c.GetMspId(), IdBytes: c.GetIdentity()})
			if err != nil {
				return fmt.Errorf("orderer %d: %w", c.GetId(), err)
			}
			now[c.GetId()] = who
		}
		v.orderers = now
	}
	return nil
}

// transactions checks the client's signature and the endorsements of every
// transaction that counts.
func (v *verifier) transactions(b *common.Block) error {
	valid := validity(b)
	if len(valid) != len(b.GetData().GetData()) {
		return fmt.Errorf("%d transactions, but %d verdicts on them", len(b.GetData().GetData()), len(valid))
	}
	for k, data := range b.GetData().GetData() {
		if peer.TxValidationCode(valid[k]) != peer.TxValidationCode_VALID {
			continue
		}
		envelope := &common.Envelope{}
		if err := unmarshal(data, envelope); err != nil {
			return err
		}
		t, err := open(envelope)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		if v.seen[t.id] {
			return fmt.Errorf("transaction %s counts twice", t.id)
		}
		v.seen[t.id] = true
		digest := sha256.Sum256(envelope.GetPayload())
		if _, err := v.trust.Verify(t.signature.GetCreator(), digest[:], envelope.GetSignature()); err != nil {
			return fmt.Errorf("transaction %s: the client's signature: %w", t.id, err)
		}
		v.auditor.Report.Signatures++
		if err := v.endorsed(t); err != nil {
			return fmt.Errorf("transaction %s: %w", t.id, err)
		}
	}
	return nil
}

// endorsed checks that each organisation signed what the transaction writes.
func (v *verifier) endorsed(t *transaction) error {
	missing := slices.Clone(v.endorsers)
	for _, e := range t.action.GetAction().GetEndorsements() {
		digest := sha256.Sum256(slices.Concat(t.response, e.GetEndorser()))
		organisation, err := v.trust.Verify(e.GetEndorser(), digest[:], e.GetSignature())
		if err != nil {
			return fmt.Errorf("an endorsement: %w", err)
		}
		v.auditor.Report.Endorsements++
		missing = slices.DeleteFunc(missing, func(o string) bool { return o == organisation })
	}
	if spec := t.result.GetChaincodeId().GetName(); len(missing) > 0 && spec == v.chaincode {
		return fmt.Errorf("not endorsed by %v", missing)
	}
	return nil
}
