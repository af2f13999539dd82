package fabric

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/commonwatt/commonwatt/settlement/ledger"
)

// blockReader reads the chain from a peer.
type blockReader struct{ peers *gateways }

// Head returns the height and the hash of the last block.
func (r blockReader) Head(ctx context.Context) (height int64, hash []byte, err error) {
	for attempt := 0; ; attempt++ {
		at := r.peers.at.Load()
		var b []byte
		if b, err = r.peers.system(ctx, "GetChainInfo", r.peers.profile.Channel); err == nil {
			info := &common.BlockchainInfo{}
			err = unmarshal(b, info)
			return int64(info.GetHeight()), info.GetCurrentBlockHash(), err
		}
		r.peers.another(at)
		if attempt >= len(r.peers.conns) {
			return 0, nil, fmt.Errorf("head of the chain: %w", err)
		}
	}
}

// Blocks shows the blocks from a number to the last that there is now.
func (r blockReader) Blocks(ctx context.Context, from int64, see func(ledger.Block) error) error {
	if r.peers.doubt.Load() {
		r.peers.catchUp(ctx)
	}
	return r.raw(ctx, from, func(b *common.Block) error {
		block, err := blockOf(b, r.peers.profile.Chaincode)
		if err != nil {
			return err
		}
		return see(block)
	})
}

// Raw returns all blocks as the peer has them.
func (r blockReader) Raw(ctx context.Context) (all []*common.Block, err error) {
	err = r.raw(ctx, 0, func(b *common.Block) error {
		all = append(all, b)
		return nil
	})
	return all, err
}

// raw shows blocks as the peer has them.
func (r blockReader) raw(ctx context.Context, from int64, see func(*common.Block) error) error {
	height, _, err := r.Head(ctx)
	if err != nil || from >= height {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, err := r.peers.of(r.peers.reader)
	if err != nil {
		return err
	}
	blocks, err := g.GetNetwork(r.peers.profile.Channel).BlockEvents(ctx, client.WithStartBlock(uint64(from)))
	if err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	for b := range blocks {
		if err := see(b); err != nil {
			return err
		}
		if from = int64(b.GetHeader().GetNumber()) + 1; from >= height {
			return nil
		}
	}
	return fmt.Errorf("read blocks: the stream ended at %d of %d: %w", from, height, cmp.Or(ctx.Err(), io.ErrUnexpectedEOF))
}
