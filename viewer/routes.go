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
		{method: get, path: "/api/v1/search", access: reading, handler: s.search},
		{method: get, path: "/api/v1/count", access: reading, handler: s.count},
		{method: get, path: "/api/v1/histogram", access: reading, handler: s.histogram},
		{method: get, path: "/api/v1/facets", access: reading, handler: s.facets},
		{method: get, path: "/api/v1/shapes", access: reading, handler: s.shapes},
		{method: get, path: "/api/v1/fields", access: reading, handler: s.fields},
		{method: get, path: "/api/v1/context", access: reading, handler: s.neighbours},
		{method: get, path: "/api/v1/export", access: reading, handler: s.export},
		{method: get, path: "/api/v1/entries/:seq", access: reading, handler: s.entry},
		{method: get, path: "/api/v1/tail", access: reading, handler: s.tail, socket: true},
		{method: post, path: "/api/v1/ingest", access: ingesting, handler: s.ingest, maxBody: maxIngestBytes},
		{method: get, path: "/api/v1/ingest", access: ingesting, handler: s.ingestSocket, socket: true},
		{method: get, path: "/api/v1/instances", access: reading, handler: s.instances},
		{method: post, path: "/api/v1/instances/:service/:owner/actions/:action", access: controlling, handler: s.act},
		{method: get, path: "/api/v1/instances/:service/:owner/releases", access: reading, handler: s.releases},
		{method: get, path: "/api/v1/instances/:service/:owner/releases/:number/diff", access: reading, handler: s.compareRelease},
		{method: post, path: "/api/v1/instances/:service/:owner/preview/:order", access: controlling, handler: s.preview},
		{method: post, path: "/api/v1/instances/:service/:owner/:order", access: controlling, handler: s.order},
		{method: post, path: "/api/v1/store/verify", access: administering, handler: s.keepStore(actionVerify)},
		{method: post, path: "/api/v1/store/rebuild", access: administering, handler: s.keepStore(actionRebuild)},
		{method: get, path: "/api/v1/store/purge", access: administering, handler: s.previewPurge},
		{method: post, path: "/api/v1/store/purge", access: administering, handler: s.purgeStore},
		{method: get, path: "/api/v1/store/imports", access: administering, handler: s.listImports},
		{method: post, path: "/api/v1/store/imports/:id", access: administering, handler: s.importPart, maxBody: maxImportBytes},
		{method: post, path: "/api/v1/store/backup", access: administering, handler: s.backup, maxBody: maxHaveBytes},
		{method: get, path: "/api/v1/jobs/:id", access: reading, handler: s.job},
		{method: get, path: "/api/v1/jobs/:id/output", access: reading, handler: s.jobOutput, socket: true},
		{method: get, path: "/api/v1/views", access: reading, handler: s.savedViews},
		{method: put, path: "/api/v1/views/:scope/:name", access: person, handler: s.saveView},
		{method: del, path: "/api/v1/views/:scope/:name", access: person, handler: s.deleteView},
		{method: get, path: "/api/v1/me", access: member, handler: s.me},
		{method: get, path: "/api/v1/login", access: anyone, handler: s.loginWays},
		{method: post, path: "/api/v1/login", access: anyone, handler: s.login},
		{method: post, path: "/api/v1/logout", access: anyone, handler: s.logout},
		{method: post, path: "/api/v1/links", access: person, handler: s.link},
		{method: get, path: "/api/v1/tokens", access: person, handler: s.listTokens},
		{method: post, path: "/api/v1/tokens", access: person, handler: s.addToken},
		{method: del, path: "/api/v1/tokens/:id", access: person, handler: s.revokeToken},
		{method: get, path: "/api/v1/people", access: administering, handler: s.people},
		{method: put, path: "/api/v1/people/:name", access: administering, handler: s.putPerson},
		{method: put, path: "/api/v1/people/:name/password", access: person, handler: s.setPassword},
		{method: put, path: "/api/v1/people/:name/grants/:service/:owner", access: administering, handler: s.grant},
		{method: del, path: "/api/v1/people/:name/grants/:service/:owner", access: administering, handler: s.revokeGrant},
		{method: get, path: "/api/v1/sessions", access: person, handler: s.listSessions},
		{method: del, path: "/api/v1/sessions/:id", access: person, handler: s.endSession},
		{method: get, path: "/api/v1/openapi.json", access: anyone, handler: s.openAPI, head: true},

		{method: get, path: "/git/:repo/info/refs", access: gitUser, handler: s.gitRefs},
		{method: post, path: "/git/:repo/git-upload-pack", access: gitUser, handler: s.gitFetch, maxBody: maxWantBytes},
		{method: post, path: "/git/:repo/git-receive-pack", access: gitUser, handler: s.gitPush, maxBody: maxDrainBytes},

		{method: get, path: "/", access: page, handler: s.home, head: true},
		{method: get, path: "/lib/*", access: page, handler: s.libraryDocs, head: true},
		{method: get, path: "/help/*", access: page, handler: s.help, head: true},
		{method: get, path: "/export", access: page, handler: s.exportLink},
		{method: get, path: "/s/:name", access: anyone, handler: s.openView},
		{method: get, path: "/i/*", access: anyone, handler: s.openInstance},
		{method: get, path: "/login", access: anyone, handler: s.page("login.html"), head: true},
		{method: get, path: "/login/oidc", access: anyone, handler: s.beginOIDC},
		{method: get, path: "/login/oidc/callback", access: anyone, handler: s.endOIDC},
		{method: get, path: "/static/*", access: anyone, handler: s.static, head: true},
		{method: get, path: "/healthz", access: anyone, handler: s.healthz, head: true},
		{method: get, path: "/readyz", access: anyone, handler: s.readyz, head: true},
		{method: get, path: "/metrics", access: overseeing, handler: s.metrics.serve},
	}
	return append(routes, s.logAnalyzerRoutes()...)
}
