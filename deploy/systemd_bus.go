package deploy

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/dbus"
	dbusproto "github.com/godbus/dbus/v5"
)

// unitSources are units of systemd for the default layout, and the rule of polkit.
//
//go:embed systemd/*.service systemd/*.conf systemd/*.rules
var unitSources embed.FS

// systemdBus talks to systemd by D-Bus. Units are only ever those of instances.
type systemdBus struct{ conn *dbus.Conn }

func dialSystemd(ctx context.Context) (unitBus, error) {
	// Of Background: the connection ends with Close, its context would end the
	// answers of jobs.
	conn, err := dbus.NewWithContext(context.WithoutCancel(ctx))
	if err != nil {
		return nil, fmt.Errorf("systemd cannot be reached (%w): set supervisor: direct where there is none", err)
	}
	return systemdBus{conn}, nil
}

func (b systemdBus) Close() { b.conn.Close() }

// replace is the mode of all jobs: the newest order counts.
const replace = "replace"

func (b systemdBus) start(ctx context.Context, unit string) error {
	_ = b.conn.ResetFailedUnitContext(ctx, unit) // else one that has crashed often is not started; most have not
	return b.job(ctx, "start", unit, b.conn.StartUnitContext)
}

func (b systemdBus) reload(ctx context.Context, unit string) error {
	return b.job(ctx, "reload", unit, b.conn.ReloadUnitContext)
}

func (b systemdBus) stop(ctx context.Context, unit string) error {
	_, err := b.conn.StopUnitContext(ctx, unit, replace, nil)
	return refusedBySystemd("stop", unit, err)
}

func (b systemdBus) kill(ctx context.Context, unit string, sig syscall.Signal) error {
	return refusedBySystemd("kill", unit, b.conn.KillUnitWithTarget(ctx, unit, dbus.Main, int32(sig)))
}

// job waits for the end of a job.
func (b systemdBus) job(ctx context.Context, verb, unit string, order func(context.Context, string, string, chan<- string) (int, error)) error {
	result := make(chan string, 1)
	if _, err := order(ctx, unit, replace, result); err != nil {
		return refusedBySystemd(verb, unit, err)
	}
	select {
	case how := <-result:
		if how == "done" {
			return nil
		}
		return fmt.Errorf("systemd says %q to the %s of %s; journalctl -u '%s' says more", how, verb, unit, unit)
	case <-ctx.Done():
		return fmt.Errorf("systemd has not ended the %s of %s in time", verb, unit)
	}
}

func (b systemdBus) look(ctx context.Context, unit string) (unitState, error) {
	all, err := b.conn.GetAllPropertiesContext(ctx, unit)
	if err != nil {
		return unitState{}, fmt.Errorf("ask systemd for %s: %w", unit, err)
	}
	state := unitState{found: all["LoadState"] == "loaded"}
	if pid, ok := all["MainPID"].(uint32); ok {
		state.mainPID = int(pid)
	}
	state.user, _ = all["User"].(string)
	return state, nil
}

// refusedBySystemd makes a sentence of systemd's refusal.
func refusedBySystemd(verb, unit string, err error) error {
	if err == nil {
		return nil
	}
	var refused dbusproto.Error
	if errors.As(err, &refused) && (strings.HasSuffix(refused.Name, ".AccessDenied") ||
		strings.HasSuffix(refused.Name, ".InteractiveAuthorizationRequired")) {
		return fmt.Errorf("systemd lets %s not %s %s: put the rule that tagtail units writes into /etc/polkit-1/rules.d", ourName(), verb, unit)
	}
	return fmt.Errorf("%s %s: %w", verb, unit, err)
}
