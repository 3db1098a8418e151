package index

import (
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// noneExpr matches nothing. It only comes of reduce.
type noneExpr struct{ unplanned }

func (noneExpr) match(*Entry) bool { return false }
func (noneExpr) plan() plan        { return plan{op: planNone} }
func (noneExpr) String() string    { return "NOTHING" }

// reduce returns what is left to ask of the entries of a block once its header
// has answered what it can: nil if all of them match, noneExpr if none does.
func reduce(x expr, src *source) expr {
	switch x := x.(type) {
	case andExpr:
		return reduceAnd(x, src)
	case orExpr:
		// By De Morgan: what is left of the opposite, turned around.
		return reduceNot(reduceAnd(negateEach(x), src))
	case notExpr:
		return reduceNot(reduce(x.kid, src))
	case instanceExpr:
		return constant(x.test(src.instance) != x.not)
	case severityExpr:
		return reduceSeverity(x, src)
	case spanExpr:
		from, to := time.Unix(0, src.minTime), time.Unix(0, src.maxTime)
		switch {
		case x.when.has(from) && x.when.has(to):
			return nil
		case !x.when.to.IsZero() && !from.Before(x.when.to), to.Before(x.when.from):
			return noneExpr{}
		}
	}
	return x
}

func constant(all bool) expr {
	if all {
		return nil
	}
	return noneExpr{}
}

func reduceNot(x expr) expr {
	switch x.(type) {
	case nil:
		return noneExpr{}
	case noneExpr:
		return nil
	}
	return negate(x)
}

// reduceAnd also makes one of all severities.
func reduceAnd(kids []expr, src *source) expr {
	severity := severityExpr{mask: src.severities}
	asked := false
	var left []expr
	for _, kid := range kids {
		switch x := reduce(kid, src).(type) {
		case nil:
		case noneExpr:
			return x
		case severityExpr:
			severity.mask &= x.mask
			asked = true
		default:
			left = append(left, x)
		}
	}
	if asked {
		if x := reduceSeverity(severity, src); x != nil {
			if _, none := x.(noneExpr); none {
				return x
			}
			left = append(left, x)
		}
	}
	return all(left...)
}

func reduceSeverity(x severityExpr, src *source) expr {
	switch {
	case src.severities&^x.mask == 0:
		return nil
	case src.severities&x.mask == 0:
		return noneExpr{}
	}
	return x
}

// needs are the columns that x looks at.
func needs(x expr) block.Part {
	switch x := x.(type) {
	case nil, noneExpr, instanceExpr:
		return 0
	case spanExpr:
		return block.PartReceived
	case severityExpr:
		return block.PartSeverity
	case textExpr, regexExpr:
		return block.PartMessage
	case notExpr:
		return needs(x.kid)
	case andExpr:
		return needsOfAll(x)
	case orExpr:
		return needsOfAll(x)
	}
	return block.PartAll
}

func needsOfAll(kids []expr) block.Part {
	part := block.Part(0)
	for _, kid := range kids {
		part |= needs(kid)
	}
	return part
}
