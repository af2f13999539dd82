package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/commonwatt/commonwatt/web/api"
	"github.com/commonwatt/commonwatt/web/auth/accounts"
)

// Backup is the data directory at one moment. Who took it closes it.
type Backup interface {
	Name() string // of the file, without a folder
	Write(ctx context.Context, w io.Writer, passphrase string) error
	Close() error
}

// MakeBackup implements the API.
func (s operators) MakeBackup(ctx context.Context, r api.MakeBackupRequestObject) (api.MakeBackupResponseObject, error) {
	b, err := s.operator.Backup(ctx)
	if err != nil {
		return nil, billing(err)
	}
	if s.log != nil { // it has the keys of the machine: who took one away is known
		if err := s.log.Add(ctx, by(ctx), accounts.BackupMade, b.Name()); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return backedUp{ctx, b, r.Body.Passphrase}, nil
}

// backedUp is the answer with a backup, which is made while it is sent.
type backedUp struct {
	ctx        context.Context
	of         Backup
	passphrase string
}

// VisitMakeBackupResponse implements the API.
func (b backedUp) VisitMakeBackupResponse(w http.ResponseWriter) (err error) {
	defer func() {
		if closing := b.of.Close(); err == nil && closing != nil {
			err = &brokenOffError{closing}
		}
	}()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", b.of.Name()))
	w.WriteHeader(http.StatusOK)
	if err := b.of.Write(b.ctx, w, b.passphrase); err != nil {
		return &brokenOffError{err}
	}
	return nil
}

// brokenOffError is why an answer whose beginning was sent already has no end: who reads it must
// not take it for a whole one.
type brokenOffError struct{ reason error }

func (e *brokenOffError) Error() string { return "the answer was broken off: " + e.reason.Error() }

func (e *brokenOffError) Unwrap() error { return e.reason }
