package fabric

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// transaction is an endorsed transaction taken apart.
type transaction struct {
	id        string
	channel   *common.ChannelHeader
	signature *common.SignatureHeader
	action    *peer.ChaincodeActionPayload
	result    *peer.ChaincodeAction
	response  []byte // what was endorsed
}

// open takes an envelope apart; nil for what is not an endorsed transaction.
func open(envelope *common.Envelope) (*transaction, error) {
	payload := &common.Payload{}
	t := &transaction{channel: &common.ChannelHeader{}, signature: &common.SignatureHeader{}}
	if err := unmarshal(envelope.GetPayload(), payload); err != nil {
		return nil, err
	}
	if err := unmarshal(payload.GetHeader().GetChannelHeader(), t.channel); err != nil {
		return nil, err
	}
	if err := unmarshal(payload.GetHeader().GetSignatureHeader(), t.signature); err != nil {
		return nil, err
	}
	t.id = t.channel.GetTxId()
	if common.HeaderType(t.channel.GetType()) != common.HeaderType_ENDORSER_TRANSACTION {
		return nil, nil
	}
	all := &peer.Transaction{}
	if err := unmarshal(payload.GetData(), all); err != nil {
		return nil, err
	}
	if len(all.GetActions()) != 1 {
		return nil, fmt.Errorf("transaction %s has %d actions", t.id, len(all.GetActions()))
	}
	t.action, t.result = &peer.ChaincodeActionPayload{}, &peer.ChaincodeAction{}
	if err := unmarshal(all.GetActions()[0].GetPayload(), t.action); err != nil {
		return nil, err
	}
	t.response = t.action.GetAction().GetProposalResponsePayload()
	response := &peer.ProposalResponsePayload{}
	if err := unmarshal(t.response, response); err != nil {
		return nil, err
	}
	return t, unmarshal(response.GetExtension(), t.result)
}

func unmarshal(b []byte, into proto.Message) error {
	if err := proto.Unmarshal(b, into); err != nil {
		return fmt.Errorf("decode %s: %w", into.ProtoReflect().Descriptor().Name(), err)
	}
	return nil
}

// writes returns what the transaction writes to the chaincode's state, and
// whether it writes anything at all.
func (t *transaction) writes(chaincode string) (all []ledger.Write, some bool, err error) {
	sets := &rwset.TxReadWriteSet{}
	if err := unmarshal(t.result.GetResults(), sets); err != nil {
		return nil, false, err
	}
	for _, ns := range sets.GetNsRwset() {
		if ns.GetNamespace() != chaincode {
			continue
		}
		some = some || len(ns.GetCollectionHashedRwset()) > 0
		set := &kvrwset.KVRWSet{}
		if err := unmarshal(ns.GetRwset(), set); err != nil {
			return nil, false, err
		}
		for _, w := range set.GetWrites() {
			all = append(all, ledger.Write{Key: w.GetKey(), Value: w.GetValue(), Deleted: w.GetIsDelete()})
		}
	}
	return all, some || len(all) > 0, nil
}

// call returns the function and arguments.
func (t *transaction) call() (function string, args []string, err error) {
	proposal, spec := &peer.ChaincodeProposalPayload{}, &peer.ChaincodeInvocationSpec{}
	if err := unmarshal(t.action.GetChaincodeProposalPayload(), proposal); err != nil {
		return "", nil, err
	}
	if err := unmarshal(proposal.GetInput(), spec); err != nil {
		return "", nil, err
	}
	for k, arg := range spec.GetChaincodeSpec().GetInput().GetArgs() {
		if k == 0 {
			function = string(arg)
		} else {
			args = append(args, string(arg))
		}
	}
	return function, args, nil
}

// validity returns the peer's judgement of a block's transactions.
func validity(b *common.Block) []byte {
	const at = int(common.BlockMetadataIndex_TRANSACTIONS_FILTER)
	if metadata := b.GetMetadata().GetMetadata(); len(metadata) > at {
		return metadata[at]
	}
	return nil
}

// blockOf returns the valid transactions of the chaincode in a block.
func blockOf(b *common.Block, chaincode string) (ledger.Block, error) {
	block := ledger.Block{Number: int64(b.GetHeader().GetNumber())}
	valid := validity(b)
	for k, data := range b.GetData().GetData() {
		if k >= len(valid) || peer.TxValidationCode(valid[k]) != peer.TxValidationCode_VALID {
			continue
		}
		envelope := &common.Envelope{}
		if err := unmarshal(data, envelope); err != nil {
			return block, fmt.Errorf("block %d: %w", block.Number, err)
		}
		t, err := open(envelope)
		if err != nil {
			return block, fmt.Errorf("block %d: %w", block.Number, err)
		}
		if t == nil {
			continue
		}
		one := ledger.Transaction{ID: t.id}
		if one.Writes, _, err = t.writes(chaincode); err == nil {
			one.Function, one.Args, err = t.call()
		}
		if err != nil {
			return block, fmt.Errorf("block %d: %w", block.Number, err)
		}
		block.Transactions = append(block.Transactions, one)
	}
	return block, nil
}
