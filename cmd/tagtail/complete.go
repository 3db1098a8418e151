package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
)

// completeWithin is how long a shell waits for a server's names.
const completeWithin = time.Second

// known is what the server says of an instance.
type known struct {
	Instance string
	Actions  []struct {
		Action  deploy.Action
		Refused string
	}
}

// completeInstance completes the name of an instance, and behind it what then
// says. What cannot be known completes nothing.
func completeInstance(at *clientFlags, then func(known) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		const none = cobra.ShellCompDirectiveNoFileComp
		if len(args) > 1 || len(args) == 1 && then == nil {
			return nil, none
		}
		c, err := at.connect(cmd)
		if err != nil {
			return nil, none
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeWithin)
		defer cancel()
		var answer struct{ Instances []known }
		if err := c.do(ctx, "GET", c.api("instances", nil), &answer); err != nil {
			return nil, none
		}
		if len(args) == 1 {
			at := slices.IndexFunc(answer.Instances, func(k known) bool { return k.Instance == args[0] })
			if at < 0 {
				return nil, none
			}
			return then(answer.Instances[at]), none
		}
		var names []string
		for _, k := range answer.Instances {
			if strings.Contains(k.Instance, "/") && (then == nil || len(then(k)) > 0) {
				names = append(names, k.Instance)
			}
		}
		return names, none
	}
}

// possible are the actions that an instance can do now.
func possible(k known) []string {
	var actions []string
	for _, a := range k.Actions {
		if a.Refused == "" {
			actions = append(actions, string(a.Action))
		}
	}
	return actions
}
