// Package deploy knows a team's instances and moves their processes.
//
//	templates + values → Instance → Controller → nginx | redis-server | command
//	commit → Order → Job → release → switch → reload → health
//
// Every signal is preceded by a proof that the process is the instance's own;
// nothing is ever run through a shell, and no child gets our environment or
// keeps our output open. Nothing is remembered but the newest jobs and what
// package release keeps on the disk: what an instance does is read from /proc and
// its pid file each time. One job at a time moves an instance; an order waits
// behind it. A job goes on whatever becomes of who ordered it. A Controller's
// lock is taken before a Job's. The package knows neither logs nor HTTP. Start
// reading at Instance, then Controller, then order.go for deploys.
package deploy

import (
	"time"

	"github.com/tagtail/tagtail/deploy/release"
)

// Kind is the way an instance's process is driven.
type Kind string

// The kinds.
const (
	Nginx   Kind = "nginx"
	Redis   Kind = "redis"
	Command Kind = "command" // any foreground program that we start ourselves
	Shared  Kind = "shared"  // somebody else's process: logs only
)

// Instance is one running copy of a service.
type Instance struct {
	// Name is "service/owner".
	Name string
	Kind Kind
	// Tags are the APP-NAMEs under which the instance's own messages come.
	Tags []string
	// Prefix is the instance's directory; Conf its configuration file and
	// PIDFile its pid file, absolute.
	Prefix, Conf, PIDFile string
	// Port is the TCP port it listens on, 0 if unknown.
	Port int
	// Argv is the program and its arguments, of Kind Command only.
	Argv []string
	// RunAs is the OS user, if not the one of Config.RunAs.
	RunAs string
}

// State is what an instance's process does now.
type State string

// The states.
const (
	Running State = "running"
	Stopped State = "stopped"
	Failed  State = "failed"  // it should run, and does not
	Unknown State = "unknown" // nothing tells
)

// Action is what a person can ask of an instance.
type Action string

// The actions.
const (
	Start   Action = "start"
	Stop    Action = "stop"
	Quit    Action = "quit" // stop, but finish open requests
	Reload  Action = "reload"
	Reopen  Action = "reopen"
	Restart Action = "restart"
	Test    Action = "test"
)

// Actions lists all of them in the order in which they are shown.
func Actions() []Action { return []Action{Start, Stop, Quit, Reload, Reopen, Restart, Test} }

// Status is an instance at one moment.
type Status struct {
	Instance Instance
	State    State
	PID      int       // 0 unless Running
	Started  time.Time // zero unless Running
	// Live is the release that is live, of Number 0 if none is.
	Live release.Release
	// Detail is a sentence about a State that is not as it should be.
	Detail string
	// Refused gives, for every action that is not possible now, the sentence
	// that says why.
	Refused map[Action]string
}

// JobState is how far a job is.
type JobState string

// The states of a job.
const (
	JobRunning   JobState = "running"
	JobSucceeded JobState = "succeeded"
	JobFailed    JobState = "failed"
	// JobAbandoned is a job in whose midst Tagtail itself ended.
	JobAbandoned JobState = "abandoned"
)

// JobKind is what a job is about.
type JobKind string

// The kinds of jobs.
const (
	SignalJob   JobKind = "signal" // an action on a process
	DeployJob   JobKind = "deploy"
	RollbackJob JobKind = "rollback"
	ConfigJob   JobKind = "config"
)

// JobView is a job at one moment.
type JobView struct {
	ID       string  `json:"id"`
	Instance string  `json:"instance"`
	Kind     JobKind `json:"kind,omitempty"`
	// Action is what was asked for: one of Actions, or deploy, rollback, apply.
	Action Action `json:"action"`
	By     string `json:"by"`
	// Via is how it was asked for: push, web, api or cli.
	Via string `json:"via,omitempty"`
	// Release is the number of the release that it makes, 0 if none.
	Release  int       `json:"release,omitempty"`
	State    JobState  `json:"state"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	// Error is the sentence that says why it failed.
	Error string `json:"error,omitempty"`
	// Output is what it has printed, line by line.
	Output []string `json:"output"`
}
