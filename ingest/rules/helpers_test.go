package rules

import "context"

// runUntilWritten lets an Engine write all that it was given.
func runUntilWritten(e *Engine) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	e.Run(ctx)
}
