package ledger

import (
	"context"

	"github.com/commonwatt/commonwatt/chaincode"
)

// Official calls the contract of that name: which files of official meter values were
// imported.
type Official struct{ contract }

// RecordFile records a file before anything is settled by it.
func (c Official) RecordFile(ctx context.Context, f chaincode.OfficialFile) error {
	return c.submit(ctx, "RecordFile", f)
}

// GetFile returns a file by its digest.
func (c Official) GetFile(ctx context.Context, digest string) (chaincode.OfficialFile, error) {
	return ask[chaincode.OfficialFile](ctx, c.contract, "GetFile", digest)
}
