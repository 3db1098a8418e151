package static

import (
	"testing"

	"github.com/tagtail/tagtail/static/browsertest"
)

func TestStatisticsCountAndFilter(t *testing.T) {
	s := newServer(t)
	s.instances = team()
	s.add(traffic(220)...)
	b := browsertest.Open(t, "en")
	b.Scheme("light")
	b.Go(s.URL + "/?i=socketserver/dev1")
	b.AwaitLine("uid=48")
	b.Click("#export")
	b.Click("#menu button:last-child")
	b.Await(`document.querySelector('.stats .stat-label').textContent === 'debug' && document.querySelector('.stats').textContent.includes('client … connected')`)
	b.Shoot("stats")
	b.Eval(`String([...document.querySelectorAll('.stat')].find((stat) => stat.textContent.includes('slow query')).click())`)
	b.Await(`!document.querySelector('.stats') && new URLSearchParams(location.search).get('q').includes('slow query')`)
	b.AwaitLine("slow query")
	b.Await(`[...document.querySelectorAll('.c-msg')].every((cell) => cell.textContent.includes('slow query'))`)
}
