package viewer

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows, in a registry of its own: libraries that
// count into the global one do not get in.
type metrics struct {
	http.Handler
	requests    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	tailEntries prometheus.Counter
	tailDropped prometheus.Counter
}

func newMetrics(cfg Config, open *sockets) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagtail_http_requests_total", Help: "HTTP requests answered, by route.",
		}, []string{"method", "route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tagtail_http_request_seconds", Help: "Time to answer a request, without WebSockets.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60},
		}, []string{"route"}),
		tailEntries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tagtail_tail_entries_total", Help: "Entries sent to tails.",
		}),
		tailDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tagtail_tail_dropped_total", Help: "Entries that slow tails were not shown.",
		}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tagtail_build_info", Help: "Always 1; the version is in the label.",
		ConstLabels: prometheus.Labels{"version": cfg.Version},
	}, func() float64 { return 1 })
	streams := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tagtail_websockets", Help: "Open WebSockets.",
	}, func() float64 { return float64(open.count()) })

	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.seconds, m.tailEntries, m.tailDropped, build, streams,
		newStoreMetrics(cfg), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) serve(c echo.Context, _ principal) error {
	m.ServeHTTP(c.Response(), c.Request())
	return nil
}

// measure counts every request. The route is the pattern, never the path: a
// stranger must not be able to make new time series.
func (s *Server) measure(next echo.HandlerFunc) echo.HandlerFunc {
	known, sockets := make(map[string]bool), make(map[string]bool) // by path, and by method and path
	for _, r := range s.routes() {
		known[r.path] = true
		sockets[r.method+" "+r.path] = r.socket
	}
	return func(c echo.Context) error {
		started := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err) // answers, so that the status is known below
		}
		path := c.Path()
		if !known[path] {
			path = "none"
		}
		s.metrics.requests.WithLabelValues(knownMethod(c.Request().Method), path, strconv.Itoa(c.Response().Status)).Inc()
		if !sockets[c.Request().Method+" "+path] {
			s.metrics.seconds.WithLabelValues(path).Observe(time.Since(started).Seconds())
		}
		s.log.Debug("request", "method", c.Request().Method, "path", c.Request().URL.Path, "status", c.Response().Status, "took", time.Since(started))
		return nil
	}
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
		return method
	}
	return "other"
}

// storeMetrics reads what Logs and the inputs count, at each scrape.
type storeMetrics struct {
	cfg                              Config
	entries, bytes, seq              *prometheus.Desc
	received, dropped, kernelDropped *prometheus.Desc
	suppressed, redactions           *prometheus.Desc
	ruleDone, ruleDropped, ruleWaits *prometheus.Desc
}

func newStoreMetrics(cfg Config) *storeMetrics {
	perInstance, perInput := []string{"instance"}, []string{"input"}
	perRule := []string{"rule", "kind", "target"}
	return &storeMetrics{
		cfg:           cfg,
		entries:       prometheus.NewDesc("tagtail_instance_entries", "Entries that are kept.", perInstance, nil),
		bytes:         prometheus.NewDesc("tagtail_instance_bytes", "Bytes of the entries that are kept, before compression.", perInstance, nil),
		seq:           prometheus.NewDesc("tagtail_entries_total", "Entries ever stored.", nil, nil),
		received:      prometheus.NewDesc("tagtail_input_received_total", "Messages read.", perInput, nil),
		dropped:       prometheus.NewDesc("tagtail_input_dropped_total", "Messages dropped after they were read.", perInput, nil),
		kernelDropped: prometheus.NewDesc("tagtail_input_kernel_dropped_total", "Messages that the kernel dropped.", perInput, nil),
		suppressed:    prometheus.NewDesc("tagtail_input_suppressed_total", "Messages over the rate limit of their instance.", perInput, nil),
		redactions:    prometheus.NewDesc("tagtail_redactions_total", "Places that a redact rule has replaced.", []string{"rule"}, nil),
		ruleDone:      prometheus.NewDesc("tagtail_rule_done_total", "Messages that a rule has written or forwarded.", perRule, nil),
		ruleDropped:   prometheus.NewDesc("tagtail_rule_dropped_total", "Messages that a rule could not write or forward; they are stored all the same.", perRule, nil),
		ruleWaits:     prometheus.NewDesc("tagtail_rule_queued", "Messages that wait to be written or forwarded.", perRule, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{m.entries, m.bytes, m.seq, m.received, m.dropped, m.kernelDropped, m.suppressed, m.redactions, m.ruleDone, m.ruleDropped, m.ruleWaits} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (m *storeMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	ch <- prometheus.MustNewConstMetric(m.seq, counter, float64(m.cfg.Logs.LastSeq()))
	for _, s := range m.cfg.Logs.Instances() {
		ch <- prometheus.MustNewConstMetric(m.entries, gauge, float64(s.Entries), s.Instance)
		ch <- prometheus.MustNewConstMetric(m.bytes, gauge, float64(s.Bytes), s.Instance)
	}
	for name, n := range m.cfg.Redactions() {
		ch <- prometheus.MustNewConstMetric(m.redactions, counter, float64(n), name)
	}
	for _, in := range m.cfg.Inputs() {
		ch <- prometheus.MustNewConstMetric(m.received, counter, float64(in.Received), in.Input)
		ch <- prometheus.MustNewConstMetric(m.dropped, counter, float64(in.Dropped), in.Input)
		ch <- prometheus.MustNewConstMetric(m.kernelDropped, counter, float64(in.KernelDropped), in.Input)
		ch <- prometheus.MustNewConstMetric(m.suppressed, counter, float64(in.Suppressed), in.Input)
	}
	for _, r := range m.cfg.Rules() {
		ch <- prometheus.MustNewConstMetric(m.ruleDone, counter, float64(r.Done), r.Rule, r.Kind, r.Target)
		ch <- prometheus.MustNewConstMetric(m.ruleDropped, counter, float64(r.Dropped), r.Rule, r.Kind, r.Target)
		ch <- prometheus.MustNewConstMetric(m.ruleWaits, gauge, float64(r.Waiting), r.Rule, r.Kind, r.Target)
	}
}
