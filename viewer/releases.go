package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/release"
)

// Releases are what the instances' code and configuration have been. The errors
// of all methods are deploy.ErrUnknownInstance, a *deploy.RefusedError, or about
// the server itself. They may be called from several goroutines.
type Releases interface {
	// Releases lists an instance's releases, newest first.
	Releases(instance string) ([]release.Release, error)
	// Refusals gives, for each kind of order, why it is not possible, or nothing.
	Refusals(ctx context.Context, instance string) (map[deploy.JobKind]string, error)
	// Preview tells what an order would change; Compare what would be other if
	// a release were what runs. Both change nothing.
	Preview(ctx context.Context, o deploy.Order) (deploy.Preview, error)
	Compare(ctx context.Context, instance string, number int) (deploy.Preview, error)
}

// releaseView is a release as the API shows it.
type releaseView struct {
	release.Release
	// Refused says why one cannot roll back to it, empty if one can.
	Refused string `json:"refused"`
}

// orderView is a kind of order. Refused says why it is not possible, empty if it
// is.
type orderView struct {
	Order   string `json:"order"`
	Refused string `json:"refused"`
}

// orders are the names of the orders in the API, as they are shown.
var orders = []struct {
	name string
	kind deploy.JobKind
}{{"deploy", deploy.DeployJob}, {"rollback", deploy.RollbackJob}, {"apply", deploy.ConfigJob}}

const lookOnly = "You may look at this instance but not control it."

// releases answers with the releases of an instance and what can be ordered.
func (s *Server) releases(c echo.Context, p principal) error {
	instance, err := s.releasedInstance(c, p)
	if err != nil {
		return err
	}
	list, err := s.cfg.Releases.Releases(instance)
	if err != nil {
		return releaseProblem(instance, err)
	}
	refusals, err := s.cfg.Releases.Refusals(c.Request().Context(), instance)
	if err != nil {
		return releaseProblem(instance, err)
	}
	views := make([]releaseView, 0, len(list))
	for _, r := range list {
		view := releaseView{r, deploy.RollbackRefused(r)}
		if !p.mayAct(instance) {
			view.Refused = lookOnly
		}
		views = append(views, view)
	}
	possible := make([]orderView, 0, len(orders))
	for _, order := range orders {
		view := orderView{order.name, refusals[order.kind]}
		if !p.mayAct(instance) {
			view.Refused = lookOnly
		}
		possible = append(possible, view)
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Releases []releaseView `json:"releases"`
		Orders   []orderView   `json:"orders"`
	}{views, possible})
}

// compareRelease answers with what would be other if a release were what runs.
func (s *Server) compareRelease(c echo.Context, p principal) error {
	instance, err := s.releasedInstance(c, p)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(c.Param("number"))
	if err != nil || number < 1 {
		return newProblem(http.StatusNotFound, "There is no release %s: give its number, as the list of releases does.", shown(c.Param("number")))
	}
	preview, err := s.cfg.Releases.Compare(c.Request().Context(), instance, number)
	if err != nil {
		return releaseProblem(instance, err)
	}
	return s.sendJSON(c, http.StatusOK, preview)
}

// preview answers with what an order would change.
func (s *Server) preview(c echo.Context, p principal) error {
	instance, err := s.releasedInstance(c, p)
	if err != nil {
		return err
	}
	order, err := readOrder(c, instance, p)
	if err != nil {
		return err
	}
	preview, err := s.cfg.Releases.Preview(c.Request().Context(), order)
	if err != nil {
		return releaseProblem(instance, err)
	}
	return s.sendJSON(c, http.StatusOK, preview)
}

// order begins the job of an order.
func (s *Server) order(c echo.Context, p principal) error {
	instance, err := s.releasedInstance(c, p)
	if err != nil {
		return err
	}
	if !p.mayAct(instance) {
		return newProblem(http.StatusForbidden, "You may look at %s but not control it: ask an administrator.", shown(instance))
	}
	order, err := readOrder(c, instance, p)
	if err != nil {
		return err
	}
	job, err := s.controls.Order(order)
	if err != nil {
		return releaseProblem(instance, err)
	}
	view := viewOf(job)
	s.log.Info("order placed", "instance", instance, "order", c.Param("order"), "by", p.Name, "job", view.ID)
	c.Response().Header().Set("Location", "/api/v1/jobs/"+view.ID)
	return s.sendJSON(c, http.StatusAccepted, view)
}

// releasedInstance is the instance of the URL, if p sees it and there can be
// releases.
func (s *Server) releasedInstance(c echo.Context, p principal) (string, error) {
	instance := c.Param("service") + "/" + c.Param("owner")
	if s.cfg.Releases == nil || !p.scope().holds(instance) {
		return "", noInstance(instance)
	}
	return instance, nil
}

func noInstance(instance string) *problem {
	return newProblem(http.StatusNotFound, "There is no instance %s that can be controlled: its name is SERVICE/OWNER, as the page lists it.", shown(instance))
}

func releaseProblem(instance string, err error) error {
	var refused *deploy.RefusedError
	switch {
	case errors.Is(err, deploy.ErrUnknownInstance):
		return noInstance(instance)
	case errors.As(err, &refused):
		return newProblem(http.StatusConflict, "%s", refused.Error())
	}
	return fmt.Errorf("releases of %s: %w", instance, err)
}

// readOrder reads the order that the URL names from the body, which may be
// empty.
func readOrder(c echo.Context, instance string, p principal) (deploy.Order, error) {
	var in struct {
		Ref     string `json:"ref"`
		Release int    `json:"release"`
		SHA     string `json:"sha"`
	}
	if err := readJSON(c.Request(), &in, `The request's body cannot be read: send JSON, {"ref":"dev1"} to deploy, {"release":41} to roll back, {"sha":""} to apply.`); err != nil && !errors.Is(err, io.EOF) {
		return deploy.Order{}, err
	}
	order := deploy.Order{Instance: instance, By: p.Name, Via: via(c.Request())}
	switch name := c.Param("order"); name {
	case "deploy":
		order.Deploy = &deploy.Deploy{Rev: in.Ref}
	case "rollback":
		order.Rollback = &deploy.Rollback{Release: in.Release}
	case "apply":
		order.Apply = &deploy.Apply{SHA: in.SHA}
	default:
		return deploy.Order{}, newProblem(http.StatusNotFound, "There is no order %s: there are deploy, rollback and apply.", shown(name))
	}
	return order, nil
}

// via tells a person at the page, who has a session, from a program.
func via(r *http.Request) string {
	if r.Header.Get("Authorization") != "" {
		return "api"
	}
	return "web"
}
