package viewer

import "net/http"

// route is one endpoint. openapi.json describes each; a test compares.
type route struct {
	method, path string
	access       access
	handler      handler
	// head tells that HEAD is answered too.
	head bool
	// socket tells that the endpoint is a WebSocket.
	socket bool
	// maxBody is the most bytes that a request may carry; 0 is maxBodyBytes.
	maxBody int64
}

// routes lists every endpoint there is.
func (s *Server) routes() []route {
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	routes := []route{
		{method: get, path: "/api/v1/search", access: signedIn, handler: s.search},
		{method: get, path: "/api/v1/count", access: signedIn, handler: s.count},
		{method: get, path: "/api/v1/histogram", access: signedIn, handler: s.histogram},
		{method: get, path: "/api/v1/facets", access: signedIn, handler: s.facets},
		{method: get, path: "/api/v1/shapes", access: signedIn, handler: s.shapes},
		{method: get, path: "/api/v1/fields", access: signedIn, handler: s.fields},
		{method: get, path: "/api/v1/context", access: signedIn, handler: s.neighbours},
		{method: get, path: "/api/v1/export", access: signedIn, handler: s.export},
		{method: get, path: "/api/v1/entries/:seq", access: signedIn, handler: s.entry},
		{method: get, path: "/api/v1/tail", access: signedIn, handler: s.tail, socket: true},
		{method: post, path: "/api/v1/ingest", access: signedIn, handler: s.ingest, maxBody: maxIngestBytes},
		{method: get, path: "/api/v1/ingest", access: signedIn, handler: s.ingestSocket, socket: true},
		{method: get, path: "/api/v1/instances", access: signedIn, handler: s.instances},
		{method: post, path: "/api/v1/instances/:service/:owner/actions/:action", access: signedIn, handler: s.act},
		{method: get, path: "/api/v1/instances/:service/:owner/releases", access: signedIn, handler: s.releases},
		{method: get, path: "/api/v1/instances/:service/:owner/releases/:number/diff", access: signedIn, handler: s.compareRelease},
		{method: post, path: "/api/v1/instances/:service/:owner/preview/:order", access: signedIn, handler: s.preview},
		{method: post, path: "/api/v1/instances/:service/:owner/:order", access: signedIn, handler: s.order},
		{method: post, path: "/api/v1/store/verify", access: signedIn, handler: s.keepStore(actionVerify)},
		{method: post, path: "/api/v1/store/rebuild", access: signedIn, handler: s.keepStore(actionRebuild)},
		{method: get, path: "/api/v1/jobs/:id", access: signedIn, handler: s.job},
		{method: get, path: "/api/v1/jobs/:id/output", access: signedIn, handler: s.jobOutput, socket: true},
		{method: get, path: "/api/v1/views", access: signedIn, handler: s.savedViews},
		{method: put, path: "/api/v1/views/:scope/:name", access: signedIn, handler: s.saveView},
		{method: del, path: "/api/v1/views/:scope/:name", access: signedIn, handler: s.deleteView},
		{method: get, path: "/api/v1/me", access: signedIn, handler: s.me},
		{method: post, path: "/api/v1/login", access: anyone, handler: s.login},
		{method: post, path: "/api/v1/logout", access: anyone, handler: s.logout},
		{method: post, path: "/api/v1/links", access: signedIn, handler: s.link},
		{method: get, path: "/api/v1/tokens", access: signedIn, handler: s.gitTokens},
		{method: post, path: "/api/v1/tokens", access: signedIn, handler: s.addGitToken},
		{method: del, path: "/api/v1/tokens/:id", access: signedIn, handler: s.revokeGitToken},
		{method: get, path: "/api/v1/openapi.json", access: anyone, handler: s.openAPI, head: true},

		{method: get, path: "/git/:repo/info/refs", access: gitUser, handler: s.gitRefs},
		{method: post, path: "/git/:repo/git-upload-pack", access: gitUser, handler: s.gitFetch, maxBody: maxWantBytes},
		{method: post, path: "/git/:repo/git-receive-pack", access: gitUser, handler: s.gitPush, maxBody: maxDrainBytes},

		{method: get, path: "/", access: page, handler: s.home, head: true},
		{method: get, path: "/lib/*", access: page, handler: s.libraryDocs, head: true},
		{method: get, path: "/s/:name", access: anyone, handler: s.openView},
		{method: get, path: "/i/*", access: anyone, handler: s.openInstance},
		{method: get, path: "/login", access: anyone, handler: s.page("login.html"), head: true},
		{method: get, path: "/static/*", access: anyone, handler: s.static, head: true},
		{method: get, path: "/healthz", access: anyone, handler: s.healthz, head: true},
		{method: get, path: "/readyz", access: anyone, handler: s.readyz, head: true},
		{method: get, path: "/metrics", access: signedIn, handler: s.metrics.serve},
	}
	return append(routes, s.logAnalyzerRoutes()...)
}
