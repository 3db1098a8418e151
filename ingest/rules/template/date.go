package template

import (
	"strconv"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// dateOptions are the names of formats of a time, without "date-".
var dateOptions = map[string]DateFormat{
	"rfc3164": DateRFC3164, "rfc3164-buggyday": DateRFC3164ZeroPadded, "rfc3339": DateRFC3339,
	"mysql": DateMySQL, "pgsql": DatePgSQL, "unixtimestamp": DateUnix, "subseconds": DateSubseconds,
	"year": DateYear, "month": DateMonth, "day": DateDay, "hour": DateHour, "minute": DateMinute, "second": DateSecond,
}

func (d DateFormat) append(dst []byte, s *message.Stamp) []byte {
	switch d {
	case DateRFC3339:
		return s.AppendRFC3339(dst)
	case DateRFC3164ZeroPadded:
		return s.AppendBSD(dst, true)
	case DateMySQL:
		return s.AppendPlain(dst)
	case DatePgSQL:
		return s.AppendSQL(dst)
	case DateUnix:
		return strconv.AppendInt(dst, s.Time().Unix(), 10)
	case DateSubseconds:
		return s.AppendFraction(dst)
	case DateYear:
		return strconv.AppendInt(dst, int64(s.Year), 10)
	case DateMonth:
		return appendPair(dst, s.Month)
	case DateDay:
		return appendPair(dst, s.Day)
	case DateHour:
		return appendPair(dst, s.Hour)
	case DateMinute:
		return appendPair(dst, s.Minute)
	case DateSecond:
		return appendPair(dst, s.Second)
	}
	return s.AppendBSD(dst, false)
}

func appendPair(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}
