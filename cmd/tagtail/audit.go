package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/push"
	"github.com/tagtail/tagtail/deploy/release"
	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/viewer"
)

// The audit is in the log stream itself. Its entries are marked as ours by
// Format and InstanceBy, which no sender can set.

// auditEntry is an entry of ours; program is git-server or git-serverctrl.
func (a *app) auditEntry(program, msgID, instance string, data deployData) index.Entry {
	if instance == "" {
		instance = index.Unassigned
	}
	return index.Entry{
		Received: time.Now(), Facility: index.Local5, Severity: index.Notice, Format: index.FormatOwn,
		InstanceBy: index.ByItself, Instance: instance, AppName: a.cfg.LogPrefix + program, MsgID: msgID,
		StructuredData: data.String(),
	}
}

// auditStore keeps what is done with the store as a whole.
func (a *app) auditStore(msgID, message string, severity index.Severity, data deployData) {
	e := a.auditEntry("tagtail", msgID, "", data)
	e.Message, e.Severity = message, severity
	a.append(e)
}

// auditAccount keeps what becomes of accounts. Only administrators see it.
func (a *app) auditAccount(e viewer.AccountEvent) {
	data := deployData{{"action", e.What}, {"person", e.Person}, {"user", e.By}, {"ip", e.From}}
	entry := a.auditEntry("accounts", "ACCOUNT", "", append(data, e.More...))
	entry.Message = e.What
	if e.Person != "" {
		entry.Message += ": " + e.Person
	}
	if e.By != "" && e.By != e.Person {
		entry.Message += ", by " + e.By
	}
	for _, pair := range e.More {
		if pair[1] != "" {
			entry.Message += fmt.Sprintf(", %s %s", pair[0], oneLine(pair[1]))
		}
	}
	if e.Failed {
		entry.Severity = index.Warning
	}
	a.append(entry)
}

// deployData is the SD-ELEMENT of an audit entry, names and values.
type deployData [][2]string

// String writes it as RFC 5424, section 6.3, asks; what is empty is left out.
func (d deployData) String() string {
	var b strings.Builder
	b.WriteString("[deploy@32473")
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`)
	for _, pair := range d {
		if pair[1] != "" {
			fmt.Fprintf(&b, ` %s="%s"`, pair[0], escape.Replace(oneLine(pair[1])))
		}
	}
	b.WriteByte(']')
	return b.String()
}

// oneLine is what somebody wrote, cut and without control characters.
func oneLine(text string) string {
	const limit = 200
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}

func (a *app) append(e index.Entry) {
	a.redact.Apply(&e)
	if err := a.store.Append([]index.Entry{e}); err != nil {
		a.logger.Error("audit entry may be lost", "instance", e.Instance, "err", err)
	}
}

// auditPush keeps what the gate of pushes tells of.
func (a *app) auditPush(r push.Record) {
	program := "git-server"
	if r.Kind == push.Control {
		program = "git-serverctrl"
	}
	branch := strings.TrimPrefix(r.Branch, "refs/heads/")
	instance := ""
	if r.Kind == push.Code && branch != "" && a.knows(r.Repo+"/"+branch) {
		instance = r.Repo + "/" + branch
	}
	e := a.auditEntry(program, string(r.Event), instance, deployData{
		{"user", r.By}, {"repository", r.Repo}, {"branch", branch}, {"sha", r.SHA}, {"subject", r.Subject}, {"via", "push"}, {"ip", r.From},
	})
	e.Message = oneLine(r.Text)
	if r.Event == push.Refused {
		e.Severity = index.Warning
		who := r.By
		if who == "" {
			who = "somebody"
		}
		e.Message = fmt.Sprintf("refused %s at %s: %s", who, r.Repo, r.Text)
		if r.Repo == "" {
			e.Message = fmt.Sprintf("refused %s: %s", who, r.Text)
		}
	}
	a.append(e)
}

// auditLibrary keeps a release of the library.
func (a *app) auditLibrary(r release.Release, by string, err error) {
	e := a.auditEntry("git-server", "DEPLOY", "", deployData{
		{"user", by}, {"server", libraryInstance}, {"release", fmt.Sprint(r.Number)}, {"sha", r.SHA}, {"subject", r.Subject},
		{"result", string(r.Result)}, {"ms", fmt.Sprint(r.TookMS)}, {"via", "push"},
	})
	e.Message = fmt.Sprintf("deploy v%d %s %.7s by %s", r.Number, libraryInstance, r.SHA, by)
	if err != nil {
		e.Severity = index.Err
		e.Message += ": " + oneLine(err.Error())
	}
	a.append(e)
}

// knows tells whether there is an instance of that name.
func (a *app) knows(name string) bool {
	for _, in := range a.controller.Instances() {
		if in.Name == name {
			return true
		}
	}
	return false
}

// jobEvents are the program and the MSGID of a job of each kind.
var jobEvents = map[deploy.JobKind][2]string{
	deploy.SignalJob: {"git-serverctrl", "SIGNAL"}, deploy.ConfigJob: {"git-serverctrl", "CONFIG"},
	deploy.DeployJob: {"git-server", "DEPLOY"}, deploy.RollbackJob: {"git-server", "ROLLBACK"},
}

// audit keeps the start and the end of every job as an entry of its instance.
func (a *app) audit(job deploy.JobView) {
	event, ok := jobEvents[job.Kind]
	if !ok {
		event = jobEvents[deploy.SignalJob]
	}
	number := ""
	what := fmt.Sprintf("%s by %s", job.Action, job.By)
	if job.Release > 0 {
		number = fmt.Sprint(job.Release)
		what = fmt.Sprintf("%s v%s by %s", job.Action, number, job.By)
	}
	data := deployData{
		{"job", job.ID}, {"user", job.By}, {"server", job.Instance}, {"action", string(job.Action)}, {"release", number}, {"via", job.Via},
	}
	message, severity := what, index.Notice
	if job.State != deploy.JobRunning {
		a.marks.forget(job.Instance)
		took := job.Finished.Sub(job.Started)
		result := "ok"
		message = fmt.Sprintf("%s: done in %.1f s", what, took.Seconds())
		if job.State != deploy.JobSucceeded {
			result, severity = string(job.State), index.Err
			message = what + ": " + strings.TrimPrefix(job.Error, "v"+number+": ")
		}
		data = append(data, [2]string{"result", result}, [2]string{"ms", fmt.Sprint(took.Milliseconds())})
	}
	e := a.auditEntry(event[0], event[1], job.Instance, data)
	e.Severity, e.Message = severity, message
	a.append(e)
}

// auditRefusal keeps what a button or a command was refused for.
func (a *app) auditRefusal(instance, what, by string, why error) {
	if !a.knows(instance) {
		instance = ""
	}
	program := "git-serverctrl"
	if what == "deploy" || what == "rollback" {
		program = "git-server"
	}
	e := a.auditEntry(program, string(push.Refused), instance, deployData{{"user", by}, {"server", instance}, {"action", what}})
	e.Severity = index.Warning
	e.Message = fmt.Sprintf("refused %s: %s: %s", by, oneLine(what), why)
	a.append(e)
}
