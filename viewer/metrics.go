package viewer

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tagtail/tagtail/deploy"
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

func newMetrics(cfg Config, open *sockets, status func(context.Context) []deploy.Status) *metrics {
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
		newStoreMetrics(cfg, status), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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
	status                             func(context.Context) []deploy.Status
	cfg                                Config
	entries, bytes, seq                *prometheus.Desc
	received, dropped, kernelDropped   *prometheus.Desc
	suppressed, redactions             *prometheus.Desc
	ruleDone, ruleDropped, ruleWaits   *prometheus.Desc
	failing, lost, disk, blocks        *prometheus.Desc
	damaged, errors, expired, imported *prometheus.Desc
	running                            *prometheus.Desc
}

func newStoreMetrics(cfg Config, status func(context.Context) []deploy.Status) *storeMetrics {
	perInstance, perInput := []string{"instance"}, []string{"input"}
	perRule := []string{"rule", "kind", "target"}
	return &storeMetrics{
		cfg: cfg, status: status,
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
		failing:       prometheus.NewDesc("tagtail_store_failing", "1 while nothing can be kept, because the disk is full for example.", nil, nil),
		lost:          prometheus.NewDesc("tagtail_store_lost_total", "Entries that could not be kept.", nil, nil),
		disk:          prometheus.NewDesc("tagtail_store_disk_bytes", "Size of the files of the store: blocks and journal, without what is derived.", []string{"part"}, nil),
		blocks:        prometheus.NewDesc("tagtail_store_blocks", "Blocks that are kept.", nil, nil),
		damaged:       prometheus.NewDesc("tagtail_store_damaged_total", "Frames and blocks that cannot be read; the log says where.", []string{"part"}, nil),
		errors:        prometheus.NewDesc("tagtail_store_errors_total", "Failed tries to write a block, sync the journal, index words, or merge and expire blocks.", []string{"of"}, nil),
		expired:       prometheus.NewDesc("tagtail_store_expired_entries_total", "Entries that were let go of, as the retention says.", nil, nil),
		imported:      prometheus.NewDesc("tagtail_store_imported_entries_total", "Entries of old log files that were imported.", nil, nil),
		running:       prometheus.NewDesc("tagtail_instance_running", "1 if the instance's process runs, of those that Tagtail controls.", perInstance, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *storeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		m.entries, m.bytes, m.seq, m.received, m.dropped, m.kernelDropped, m.suppressed, m.redactions, m.ruleDone, m.ruleDropped, m.ruleWaits,
		m.failing, m.lost, m.disk, m.blocks, m.damaged, m.errors, m.expired, m.imported, m.running,
	} {
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
	m.collectStore(ch)
	for _, st := range m.status(context.Background()) {
		if st.Instance.Kind != deploy.Shared {
			ch <- prometheus.MustNewConstMetric(m.running, gauge, number(st.State == deploy.Running), st.Instance.Name)
		}
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

func (m *storeMetrics) collectStore(ch chan<- prometheus.Metric) {
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	send(m.failing, gauge, number(!m.cfg.Logs.Trouble().Since.IsZero()))
	st := m.cfg.Stats()
	send(m.lost, counter, float64(st.Dropped))
	send(m.disk, gauge, float64(st.BlockBytes), "blocks")
	send(m.disk, gauge, float64(st.JournalBytes), "journal")
	send(m.blocks, gauge, float64(st.Blocks))
	send(m.damaged, counter, float64(st.DamagedFrames), "frames")
	send(m.damaged, counter, float64(st.DamagedBlocks), "blocks")
	send(m.errors, counter, float64(st.SealErrors), "seal")
	send(m.errors, counter, float64(st.SyncErrors), "sync")
	send(m.errors, counter, float64(st.IndexErrors), "index")
	send(m.errors, counter, float64(st.KeepErrors), "keep")
	send(m.expired, counter, float64(st.ExpiredEntries))
	send(m.imported, counter, float64(st.Imported))
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
