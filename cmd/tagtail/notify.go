package main

import (
	"context"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

// notify tells systemd, if that has started us, that we are ready, and at the end
// of ctx that we stop.
func (a *app) notify(ctx context.Context) {
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			a.logger.Warn("systemd cannot be told", slog.String("state", state), slog.Any("err", err))
		}
	}
	tell(daemon.SdNotifyReady)
	<-ctx.Done()
	tell(daemon.SdNotifyStopping)
}
