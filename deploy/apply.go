package deploy

func (c *Controller) planApply(in Instance, _ Order) (plan, error) {
	return plan{}, &RefusedError{"the configuration of " + in.Name + " cannot be applied yet"}
}
