package viewer

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/tagtail/tagtail/viewer/views"
)

// Views keeps saved searches. Its methods may be called from several goroutines.
type Views interface {
	// List returns the views that the person sees; the caller owns the slice.
	List(person string) []views.View
	// Put and Delete act in the name of v.By. Their errors wrap those of the
	// package views if the request is to blame.
	Put(v views.View, admin bool) error
	Delete(v views.View, admin bool) error
}

// savedViews answers with the views that p sees.
func (s *Server) savedViews(c echo.Context, p principal) error {
	found := []views.View{}
	if s.cfg.Views != nil {
		found = s.cfg.Views.List(p.Name)
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Views []views.View `json:"views"`
	}{found})
}

// saveView keeps a view under its name.
func (s *Server) saveView(c echo.Context, p principal) error {
	var in struct {
		Search string `json:"search"`
	}
	if err := readJSON(c.Request(), &in, `The request cannot be read: send {"search": "?q=…"}, what the page's address has from the ? on.`); err != nil {
		return err
	}
	return s.changeView(c, p, func(v views.View) error {
		v.Search = in.Search
		return s.cfg.Views.Put(v, p.mayChangeViews())
	})
}

// deleteView removes a view.
func (s *Server) deleteView(c echo.Context, p principal) error {
	return s.changeView(c, p, func(v views.View) error { return s.cfg.Views.Delete(v, p.mayChangeViews()) })
}

func (s *Server) changeView(c echo.Context, p principal, change func(views.View) error) error {
	if s.cfg.Views == nil {
		return newProblem(http.StatusNotFound, "This server keeps no views.")
	}
	name, err := url.PathUnescape(c.Param("name"))
	if err != nil {
		return newProblem(http.StatusBadRequest, "The name of the view cannot be read: escape it as percent-encoding asks.")
	}
	v := views.View{Scope: views.Scope(c.Param("scope")), Name: name, By: p.Name}
	switch err := change(v); {
	case err == nil:
		return c.NoContent(http.StatusNoContent)
	case errors.Is(err, views.ErrInvalid):
		return newProblem(http.StatusBadRequest, "The view is not saved: %v.", err)
	case errors.Is(err, views.ErrNotYours):
		return newProblem(http.StatusForbidden, "Somebody else has made the view %s: choose another name, or ask an administrator.", shown(name))
	case errors.Is(err, views.ErrNoView):
		return newProblem(http.StatusNotFound, "There is no view %s.", shown(name))
	case errors.Is(err, views.ErrFull):
		return newProblem(http.StatusConflict, "There are too many views already: delete some that nobody needs.")
	default:
		return err
	}
}

// openView sends a browser to the page with the view of that name, whether there
// is one or not: the page asks for a login. The address is relative, so that it
// holds below any base path.
func (s *Server) openView(c echo.Context, _ principal) error {
	name, err := url.PathUnescape(c.Param("name"))
	if err != nil {
		name = c.Param("name")
	}
	return c.Redirect(http.StatusSeeOther, "../?"+url.Values{"view": {name}}.Encode())
}

// openInstance sends a browser to the page with one instance, as openView does
// with a view. What the address asks for besides, such as q, is kept.
func (s *Server) openInstance(c echo.Context, _ principal) error {
	u := c.Request().URL
	params := u.Query()
	params.Set("i", strings.Trim(strings.TrimPrefix(u.Path, "/i/"), "/"))
	up := strings.Repeat("../", strings.Count(u.EscapedPath(), "/")-1)
	return c.Redirect(http.StatusSeeOther, up+"?"+params.Encode())
}
