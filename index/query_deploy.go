package index

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Deploy is one release of an instance and when it became the one that runs.
type Deploy struct {
	// Instance is service/owner; Number counts its releases.
	Instance string
	Number   int
	Time     time.Time
}

// deployEvents are the MSGIDs of the entries that tell of a change to what
// runs.
var deployEvents = []string{"DEPLOY", "CONFIG", "ROLLBACK", "SIGNAL"}

// isDeploy tells whether e is Tagtail's own word about a change to what runs.
// Nobody else's can be: no sender sets Format.
func isDeploy(e *Entry) bool {
	return e.Format == FormatOwn && slices.Contains(deployEvents, e.MsgID)
}

const deployProblem = "deploys are 43, last, last~1; as a moment: since:deploy, since:deploy~1"

// compileDeploy finds what an instance said while a release ran: deploy:43,
// deploy:last, deploy:last~1. Without a release of that number nothing does.
func compileDeploy(f *field, op operator, o operand, opts ParseOptions) (expr, string) {
	number, isNumber := deployNumber(o.plain)
	back, isBack := deployBack(o.plain, "last")
	if !isNumber && !isBack {
		return nil, deployProblem
	}
	source := f.name + string(op) + o.typed
	return eachDeployed(opts.Deploys, source, func(releases []Deploy) (span, bool) {
		i := len(releases) - 1 - back
		if isNumber {
			i = slices.IndexFunc(releases, func(d Deploy) bool { return d.Number == number })
		}
		if i < 0 {
			return span{}, false
		}
		when := span{from: releases[i].Time}
		if i+1 < len(releases) {
			when.to = releases[i+1].Time
		}
		return when, true
	}), ""
}

// compileDeployMoment bounds each instance's entries by a release of its own:
// since:deploy is the last one, before:deploy~1 the one before. Instances that
// have none have no such entries. Without any, nil asks for nothing.
func compileDeployMoment(f *field, o operand, opts ParseOptions) (expr, string) {
	back, ok := deployBack(o.plain, "deploy")
	if !ok || f.name == "last" || f.name == "time" {
		return nil, timeProblem
	}
	if len(opts.Deploys) == 0 {
		return nil, ""
	}
	return eachDeployed(opts.Deploys, f.name+":"+o.plain, func(releases []Deploy) (span, bool) {
		i := len(releases) - 1 - back
		switch {
		case i < 0:
			return span{}, false
		case f.name == "before":
			return span{to: releases[i].Time}, true
		}
		return span{from: releases[i].Time}, true
	}), ""
}

// deployNumber reads 43 or v43.
func deployNumber(text string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(text, "v"))
	return n, err == nil && n > 0
}

// deployBack reads WORD or WORD~2: how many releases to go back.
func deployBack(text, word string) (int, bool) {
	if text == word {
		return 0, true
	}
	count, ok := strings.CutPrefix(text, word+"~")
	n, err := strconv.Atoi(count)
	return n, ok && err == nil && n >= 0 && n < 1_000_000
}

// eachDeployed is the OR over the instances: of each, what came in the span
// that when gives of its releases, oldest first.
func eachDeployed(deploys []Deploy, source string, when func(releases []Deploy) (span, bool)) expr {
	byInstance := map[string][]Deploy{}
	var names []string
	for _, d := range deploys {
		if byInstance[d.Instance] == nil {
			names = append(names, d.Instance)
		}
		byInstance[d.Instance] = append(byInstance[d.Instance], d)
	}
	slices.Sort(names)
	var alternatives []expr
	for _, name := range names {
		releases := byInstance[name]
		slices.SortStableFunc(releases, func(a, b Deploy) int { return a.Time.Compare(b.Time) })
		if s, ok := when(releases); ok {
			of := instanceExpr{test: func(instance string) bool { return instance == name }, source: "instance:=" + name}
			alternatives = append(alternatives, all(of, spanExpr{when: s, source: source}))
		}
	}
	if len(alternatives) == 0 {
		return noneExpr{}
	}
	return anyOf(alternatives...)
}
