package viewer

import (
	"slices"
	"time"

	"github.com/tagtail/tagtail/index"
)

// maxDeployMarks is how many of the newest deploys an answer has.
const maxDeployMarks = 200

// DeployMark is one change to what an instance runs, as charts mark it.
type DeployMark struct {
	// Instance is service/owner; Number counts its releases.
	Instance string    `json:"instance"`
	Number   int       `json:"number"`
	Time     time.Time `json:"time"` // when it became the one that runs, or failed to
	// Kind is deploy, config or rollback; Result succeeded or failed.
	Kind   string `json:"kind"`
	Result string `json:"result"`
	By     string `json:"by"`
	// SHA and Subject are of the commit; they may be empty.
	SHA     string `json:"sha"`
	Subject string `json:"subject"`
}

// deploys are the releases that a search text may mean.
func (s *Server) deploys() []index.Deploy {
	if s.cfg.Deploys == nil {
		return nil
	}
	var list []index.Deploy
	for _, mark := range s.cfg.Deploys() {
		list = append(list, index.Deploy{Instance: mark.Instance, Number: mark.Number, Time: mark.Time})
	}
	return list
}

// deployMarks are those that p sees in a range of time, oldest first.
func (s *Server) deployMarks(p principal, from, to time.Time) []DeployMark {
	marks := []DeployMark{}
	if s.cfg.Deploys == nil {
		return marks
	}
	scope := p.scope()
	for _, mark := range s.cfg.Deploys() {
		if scope.holds(mark.Instance) && !mark.Time.Before(from) && mark.Time.Before(to) {
			marks = append(marks, mark)
		}
	}
	slices.SortStableFunc(marks, func(a, b DeployMark) int { return a.Time.Compare(b.Time) })
	return marks[max(0, len(marks)-maxDeployMarks):]
}
