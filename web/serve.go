package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve answers at a listener until ctx ends.
func Serve(ctx context.Context, at net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	var stopping sync.WaitGroup
	stopping.Go(func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(bounded); err != nil {
			_ = server.Close() // a stalled client does not hold the program up
		}
	})
	if err := server.Serve(at); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	stopping.Wait()
	return nil
}
