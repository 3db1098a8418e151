package index

// plan is the plan of a query that says nothing about itself.
func (q Query) plan() plan {
	if p, ok := q.expr.(interface{ plan() plan }); ok {
		return p.plan()
	}
	return plan{op: planAll}
}
