package main

import "strconv"

// useIDs makes the corpus a request log of a service that traces everything:
// about ten ids a line, most of them never seen again.
func (c *corpus) useIDs() {
	c.about = "a request log, ten ids a line"
	c.apps = []string{"api_dev1", "api_dev2", "api_dev3", "api_dev4"}
	resources := []string{"orders", "users", "carts", "payments"}
	methods := []string{"GET", "GET", "GET", "POST", "PUT", "DELETE"}
	notes := []string{"ok", "ok", "ok", "cache hit", "cache miss", "slow upstream"}
	c.body = func(dst []byte, i int) ([]byte, string, int) {
		d := dataOf(i)
		severity, status := 6, "200"
		if d.below(100) == 0 {
			severity, status = 3, "502"
		}
		dst = append(dst, "method="...)
		dst = append(dst, d.of(methods)...)
		dst = append(dst, " path=/v1/"...)
		dst = append(dst, d.of(resources)...)
		dst = append(dst, '/')
		dst = strconv.AppendInt(dst, int64(d.below(10_000_000)), 10)
		dst = append(dst, " status="...)
		dst = append(dst, status...)
		dst = append(dst, " request_id="...)
		dst = appendUUID(dst, &d)
		dst = append(dst, " span="...)
		dst = appendHex(dst, d.next(), 16)
		dst = append(dst, " session="...)
		dst = appendHex(dst, d.next(), 12)
		dst = append(dst, " user="...)
		dst = strconv.AppendInt(dst, int64(d.below(2_000_000)), 10)
		dst = append(dst, " client=10."...)
		dst = strconv.AppendInt(dst, int64(d.below(256)), 10)
		dst = append(dst, '.')
		dst = strconv.AppendInt(dst, int64(d.below(256)), 10)
		dst = append(dst, '.')
		dst = strconv.AppendInt(dst, int64(d.below(256)), 10)
		dst = append(dst, " took="...)
		dst = strconv.AppendInt(dst, int64(d.below(10_000)), 10)
		dst = append(dst, "us msg=\""...)
		dst = append(dst, d.of(notes)...)
		return append(dst, '"'), c.apps[d.below(len(c.apps))], severity
	}
	c.queries = []query{
		rareIDQuery(),
		rareWordQuery(),
		wordQuery("a common word", "orders"),
		phraseQuery("slow upstream"),
		regexQuery("took=99[0-9]+us"),
		severityQuery(),
		instanceQuery("api_dev2"),
	}
}

func appendUUID(dst []byte, d *dice) []byte {
	high, low := d.next(), d.next()
	dst = append(appendHex(dst, high>>32, 8), '-')
	dst = append(appendHex(dst, high>>16, 4), '-')
	dst = append(appendHex(dst, high, 4), '-')
	dst = append(appendHex(dst, low>>48, 4), '-')
	return appendHex(dst, low, 12)
}
