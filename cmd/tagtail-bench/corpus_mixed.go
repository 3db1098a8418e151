package main

import "fmt"

// useMixed makes the corpus what a team's server writes on an ordinary day.
func (c *corpus) useMixed() {
	c.apps = []string{"web_dev1", "web_dev2", "redis_shared", "game_dev1", "httpserver_dev3"}
	writers := []func([]byte, *dice) ([]byte, int){webLine, webLine, redisLine, gameLine, pythonLine}
	c.body = func(dst []byte, i int) ([]byte, string, int) {
		d := dataOf(i)
		// Most lines are requests and game events.
		n := [...]int{0, 0, 0, 1, 1, 2, 3, 3, 3, 4}[d.below(10)]
		text, severity := writers[n](dst, &d)
		return text, c.apps[n], severity
	}
	c.queries = []query{
		rareIDQuery(),
		rareWordQuery(),
		wordQuery("a common word", "static"),
		wordQuery("a Chinese word", "登录"),
		phraseQuery("Background saving started"),
		regexQuery("耗时 9[0-9]+ 毫秒"),
		severityQuery(),
		instanceQuery("web_dev2"),
	}
}

func webLine(dst []byte, d *dice) ([]byte, int) {
	client := fmt.Sprintf("192.168.%d.%d", d.below(4), d.below(256))
	switch d.below(50) {
	case 0:
		return fmt.Appendf(dst, `[error] 31497#31497: *%d [lua] counter.lua:66: log(): latency=0.%03d, client: %s, server: game, request: "POST /enter HTTP/1.1"`,
			d.below(1_000_000), d.below(1000), client), 3
	case 1:
		return fmt.Appendf(dst, `[warn] 31497#31497: *%d upstream response is buffered, client: %s, upstream: "http://127.0.0.1:%d/room"`,
			d.below(1_000_000), client, 6381+d.below(4)), 4
	}
	path := d.of([]string{"/static/app.js", "/static/style.css", "/rooms", "/players", "/health"})
	return fmt.Appendf(dst, `%s - - "GET %s?v=%d HTTP/1.1" 200 %d "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0" %d`,
		client, path, d.below(1000), d.below(100_000), d.below(5000)), 6
}

func redisLine(dst []byte, d *dice) ([]byte, int) {
	switch d.below(4) {
	case 0:
		return fmt.Appendf(dst, "Background saving started by pid %d", d.below(65536)), 5
	case 1:
		return fmt.Appendf(dst, "Accepted 127.0.0.1:%d", 32768+d.below(28000)), 7
	case 2:
		return fmt.Appendf(dst, "%d changes in 60 seconds, saving", 10_000+d.below(1000)), 5
	default:
		return fmt.Appendf(dst, "DB saved on disk, %d.%02d MB used", d.below(200), d.below(100)), 5
	}
}

// gameLine separates Chinese words by spaces: VictoriaLogs takes what is not
// separated for one word.
func gameLine(dst []byte, d *dice) ([]byte, int) {
	player := 100_000 + d.below(50_000)
	switch d.below(20) {
	case 0:
		return fmt.Appendf(dst, "玩家 %d 登录 成功 房间 %d", player, d.below(500)), 6
	case 1:
		return fmt.Appendf(dst, "错误 连接 超时 玩家 %d 服务器 %d", player, d.below(16)), 3
	default:
		return fmt.Appendf(dst, "玩家 %d 移动 坐标 %d %d 耗时 %d 毫秒", player, d.below(4096), d.below(4096), d.below(100)), 7
	}
}

// pythonLine writes tracebacks as rsyslog relays them.
func pythonLine(dst []byte, d *dice) ([]byte, int) {
	if d.below(30) != 0 {
		return fmt.Appendf(dst, "INFO handler finished job %08x queue=%d", d.next()>>32, d.below(40)), 6
	}
	return fmt.Appendf(dst, `Traceback (most recent call last):#012  File "/srv/http/app.py", line %d, in handle#012    room = rooms[%d]#012KeyError: %d`,
		100+d.below(50), d.below(500), d.below(500)), 3
}
