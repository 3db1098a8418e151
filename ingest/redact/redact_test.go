package redact

import (
	"fmt"
	"math/rand"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func mustCompile(t testing.TB, rules ...Rule) *Set {
	t.Helper()
	s, err := Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all are the built-in rules.
func all(t testing.TB) *Set {
	t.Helper()
	var rules []Rule
	for _, name := range Builtins() {
		rules = append(rules, Rule{Name: name})
	}
	return mustCompile(t, rules...)
}

const (
	webTokenText = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkZXYxIn0.c2lnbmF0dXJlLXMzY3IzdA"
	ownTokenText = "tagtail_0123456789abcdefghijABCDEFGHIJ0123456789abc"
)

func TestBuiltInRulesFindSecretsAsProgramsWriteThem(t *testing.T) {
	s := all(t)
	for in, want := range map[string]string{
		`GET /login?user=dev1&password=s3cr3t&x=1 HTTP/1.1`:           `GET /login?user=dev1&password=[redacted]&x=1 HTTP/1.1`,
		`request: "POST /login?passwd=s3cr3t HTTP/1.1", host: "dev1"`: `request: "POST /login?passwd=[redacted] HTTP/1.1", host: "dev1"`,
		`/?pwd=s3cr3t`: `/?pwd=[redacted]`,
		`access_token=s3cr3t&refresh_token=s3cr3t`:                           `access_token=[redacted]&refresh_token=[redacted]`,
		`Api-Key: s3cr3t`:                                                    `Api-Key: [redacted]`,
		`API_KEY=s3cr3t,with,commas next`:                                    `API_KEY=[redacted] next`,
		`{"user":"dev1","password":"s3cr3t \" s3cr3t","n":1}`:                `{"user":"dev1","password":"[redacted]","n":1}`,
		`{"password": 12345, "n": 1}`:                                        `{"password": [redacted], "n": 1}`,
		`{\"password\":\"s3\\\"cr3t\",\"n\":1}`:                              `{\"password\":\"[redacted]\",\"n\":1}`,
		`{'password': 's3cr3t'}`:                                             `{'password': '[redacted]'}`,
		"{\n  \"secret\":\n    \"s3cr3t\"\n}":                                "{\n  \"secret\":\n    \"[redacted]\"\n}",
		`user[password]=s3cr3t&user[name]=x`:                                 `user[password]=[redacted]&user[name]=x`,
		`%22password%22%3A%22s3cr3t%22%7D`:                                   `%22password%22%3A%22[redacted]%22%7D`,
		`{:password=>"s3cr3t"}`:                                              `{:password=>"[redacted]"}`,
		`password = 's3cr3t with spaces' and more`:                           `password = '[redacted]' and more`,
		`PASSWORD2=s3cr3t`:                                                   `PASSWORD2=[redacted]`,
		`密码：s3cr3t`:                                                          `密码：[redacted]`,
		`ftp pass=s3cr3t`:                                                    `ftp pass=[redacted]`,
		`bypass: true, proxy_pass: http`:                                     `bypass: true, proxy_pass: http`,
		`Failed password for root from 192.0.2.7`:                            `Failed password for root from 192.0.2.7`,
		`token_type=Bearer`:                                                  `token_type=Bearer`,
		`password=&x=1`:                                                      `password=&x=1`,
		`password=` + Mark:                                                   `password=` + Mark,
		`password="s3cr3t cut`:                                               `password="[redacted]`,
		"password=s3\xff\xfecr3t\x00x rest":                                  "password=[redacted] rest",
		`http header: "Authorization: Bearer s3cr3t.s3cr3t"`:                 `http header: "Authorization: Bearer [redacted]"`,
		`Authorization: Basic czNjcjN0OnMzY3IzdA== next`:                     `Authorization: Basic [redacted] next`,
		`{"authorization":"Bearer s3cr3t","n":1}`:                            `{"authorization":"Bearer [redacted]","n":1}`,
		`Proxy-Authorization: s3cr3t`:                                        `Proxy-Authorization: [redacted]`,
		"Authorization: Digest username=\"a\", response=\"s3cr3t\"\nHost: x": "Authorization: Digest [redacted]\nHost: x",
		`sent Bearer s3cr3t-0123`:                                            `sent Bearer [redacted]`,
		`a bearer token is missing`:                                          `a bearer token is missing`,
		`http header: "Cookie: sid=s3cr3t; b=s3cr3t", host`:                  `http header: "Cookie: [redacted]", host`,
		"Set-Cookie: a=\"s3cr3t\"; Path=/\nHost: x":                          "Set-Cookie: [redacted]\nHost: x",
		`{"cookie":"a=\"s3cr3t\"; b=1","n":1}`:                               `{"cookie":"[redacted]","n":1}`,
		`id=` + webTokenText + `. Next`:                                      `id=[redacted]. Next`,
		`eyJ is how it begins, eyJhbGciOiJIUzI1NiJ9`:                         `eyJ is how it begins, eyJhbGciOiJIUzI1NiJ9`,
		`connect to redis://:s3cr3t@10.0.0.1:6379/0`:                         `connect to redis://:[redacted]@10.0.0.1:6379/0`,
		`amqp://user:s3/cr3t@host/`:                                          `amqp://user:[redacted]@host/`,
		`http://127.0.0.1:8080/?mail=a@example.org`:                          `http://127.0.0.1:8080/?mail=a@example.org`,
		`http://[::1]:8080/ ssh://git@host/x`:                                `http://[::1]:8080/ ssh://git@host/x`,
		`git clone with ` + ownTokenText:                                     `git clone with [redacted]`,
		`tagtail_http_request_seconds_bucket 1`:                              `tagtail_http_request_seconds_bucket 1`,
		`http://logs/login#s3cr3ts3cr3ts3cr3t`:                               `http://logs/login#[redacted]`,
		`nothing of the kind`:                                                `nothing of the kind`,
	} {
		e := index.Entry{Message: in, Instance: "web/dev1"}
		s.Apply(&e)
		if e.Message != want {
			t.Errorf("%q\nbecomes %q\nwant    %q", in, e.Message, want)
		}
		if e.Flags.Has(index.FlagRedacted) != (in != want) {
			t.Errorf("%q has flags %v", in, e.Flags.Names())
		}
		again := e.Message
		s.Apply(&e)
		if e.Message != again {
			t.Errorf("%q becomes %q the second time", again, e.Message)
		}
	}
}

func TestSecretsAreFoundInEveryFieldAndAcrossThem(t *testing.T) {
	s := all(t)
	for name, test := range map[string]struct{ in, want index.Entry }{
		"structured data": {
			index.Entry{StructuredData: `[x@1 password="s3cr3t" n="1"]`, Message: "hello"},
			index.Entry{StructuredData: `[x@1 password="[redacted]" n="1"]`, Message: "hello"},
		},
		"a header that is read as a tag": {
			index.Entry{AppName: "Authorization", Message: "Bearer s3cr3t"},
			index.Entry{AppName: "Authorization", Message: "Bearer [redacted]"},
		},
		"a hostname": {
			index.Entry{Hostname: "password=s3cr3t", AppName: "a", Message: "b"},
			index.Entry{Hostname: "password=[redacted]", AppName: "a", Message: "b"},
		},
		"a program's name": {
			index.Entry{AppName: "token=s3cr3t", MsgID: "pwd=s3cr3t", ProcID: "secret=s3cr3t", Message: "b"},
			index.Entry{AppName: "token=[redacted]", MsgID: "pwd=[redacted]", ProcID: "secret=[redacted]", Message: "b"},
		},
		"from a hostname into the message": {
			index.Entry{Hostname: "Authorization:", AppName: "Digest", Message: `user="s3cr3t"`, Flags: index.FlagBareTag},
			index.Entry{Hostname: "Authorization:", AppName: "Digest", Message: "[redacted]", Flags: index.FlagBareTag},
		},
		"a value that goes on": {
			index.Entry{Hostname: "password=s3", AppName: "cr3t", Message: "x"},
			index.Entry{Hostname: "password=[redacted]", AppName: "cr3t", Message: "x"},
		},
	} {
		got := test.in
		s.Apply(&got)
		test.want.Flags |= index.FlagRedacted
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSecretThatIsCutOffIsTakenOut(t *testing.T) {
	s := all(t)
	for _, secret := range []string{
		`password="s3cr3t and more"`, `password=s3cr3t`, webTokenText, "redis://dev1:s3cr3t@host", ownTokenText,
		"Authorization: Bearer s3cr3t", "Cookie: a=s3cr3t",
	} {
		begins := strings.Index(secret, "s3cr3t")
		if begins < 0 {
			begins = 12
		}
		for end := begins + 2; end <= len(secret); end++ {
			e := index.Entry{Message: "x " + secret[:end], Flags: index.FlagTruncated}
			s.Apply(&e)
			if !e.Flags.Has(index.FlagRedacted) || strings.Contains(e.Message, "s3") || strings.Contains(e.Message, "Ii") {
				t.Errorf("%q becomes %q", secret[:end], e.Message)
			}
		}
	}
}

func TestRuleOfOnesOwnReplacesWhatItMatches(t *testing.T) {
	s := mustCompile(t,
		Rule{Name: "card", Pattern: `(?i)card (\d{4})\d{8}(\d{4})`, Replace: "card ${1}…$2"},
		Rule{Name: "ours", Pattern: `SSN-\d+`, Instances: []string{"*/dev1"}},
		Rule{Name: "service", Pattern: `k[0-9]+`, Services: []string{"web"}, Fields: []string{"structured_data"}},
		Rule{Name: "digits", Pattern: `[0-9]{9,}`},
	)
	for _, test := range []struct{ instance, message, sd, want, wantSD string }{
		{"web/dev1", "Card 1234567812345678", "[k k12]", "card 1234…5678", "[k [redacted]]"},
		{"web/dev1", "k12 SSN-77", "", "k12 [redacted]", ""},
		{"web/dev2", "k12 SSN-77", "", "k12 SSN-77", ""},
		{"api/dev2", "x", "[k k12]", "x", "[k k12]"},
		{index.Unassigned, "id 123456789", "", "id [redacted]", ""},
	} {
		e := index.Entry{Instance: test.instance, Message: test.message, StructuredData: test.sd}
		s.Apply(&e)
		if e.Message != test.want || e.StructuredData != test.wantSD {
			t.Errorf("%s %q %q becomes %q %q, want %q %q", test.instance, test.message, test.sd, e.Message, e.StructuredData, test.want, test.wantSD)
		}
	}
	if diff := cmp.Diff(map[string]uint64{"card": 1, "ours": 1, "service": 1, "digits": 1}, s.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestNoRulesChangeNothing(t *testing.T) {
	s, err := Compile(nil)
	if s != nil || err != nil {
		t.Fatalf("compiled %v, %v, want nothing", s, err)
	}
	e := index.Entry{Message: "password=s3cr3t"}
	s.Apply(&e)
	if e.Message != "password=s3cr3t" || e.Flags != 0 || len(s.Counts()) != 0 {
		t.Errorf("entry = %+v", e)
	}
}

func TestBadRuleIsRefusedByItsName(t *testing.T) {
	for want, r := range map[string]Rule{
		`has no name`: {Pattern: "x"},
		`there is no redact rule "x": use passwords`:            {Name: "x"},
		`redact rule "x": its pattern is no regular expression`: {Name: "x", Pattern: "(a"},
		`"x": its pattern "a*" also matches nothing`:            {Name: "x", Pattern: "a*"},
		`"x": replace uses the group "2"`:                       {Name: "x", Pattern: "(a)", Replace: "$2"},
		`"x": "body" is no field: use message`:                  {Name: "x", Pattern: "a", Fields: []string{"body"}},
		`"x": "a b" is no pattern of instances`:                 {Name: "x", Pattern: "a", Instances: []string{"a b"}},
	} {
		if _, err := Compile([]Rule{r}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want it to say %q", err, want)
		}
	}
	if _, err := Compile([]Rule{{Name: "x", Pattern: "a"}, {Name: "x", Pattern: "b"}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("error = %v, want that the name is there twice", err)
	}
	if _, err := Compile(make([]Rule, maxRules+1)); err == nil || !strings.Contains(err.Error(), "at most 64") {
		t.Errorf("error = %v, want that there are too many", err)
	}
}

func TestLiteralsNeverHideAMatch(t *testing.T) {
	for pattern, want := range map[string][]string{
		`password=\S+`: {"password="}, `(?i)Secret|token`: {"secret", "ſ", "token", "\u212a"},
		`a+bc(de|fghi)?`: {"bc"}, `\d+`: nil, `(x|\d)y`: nil, `密码\d`: {"密码"}, `(?:ab){2,3}`: {"ab"}, `[kK]ey`: {"ey"},
	} {
		got := requiredLiterals(pattern)
		if strings.Join(got, " ") != strings.Join(want, " ") && len(got) != len(want) {
			t.Errorf("%s needs %q, want %q", pattern, got, want)
		}
	}
	random := rand.New(rand.NewSource(7))
	pieces := []string{"a", "ab", "(?i:k)", "(?i:task)", "x?", "[a-c]+", "(?:ab|ka)", "é", "(?i:é)", "s{1,2}", ".", "(?i:ß)"}
	letters := []rune("abkKsS\u212a\u017fxéÉß\ufffd")
	for range 3000 {
		pattern := ""
		for range 1 + random.Intn(4) {
			pattern += pieces[random.Intn(len(pieces))]
		}
		re := regexp.MustCompile(pattern)
		if re.MatchString("") {
			continue
		}
		s := mustCompile(t, Rule{Name: "x", Pattern: pattern})
		for range 20 {
			text := ""
			for range random.Intn(8) {
				text += string(letters[random.Intn(len(letters))])
			}
			if random.Intn(4) == 0 {
				text += "\xff"
			}
			found := (s.finder.find(text)|s.always)&1 != 0
			if re.MatchString(text) && !found {
				t.Fatalf("%s matches %q, in which none of %q is found", pattern, text, requiredLiterals(pattern))
			}
		}
	}
}

func TestFinderFindsWhatIndexFinds(t *testing.T) {
	random := rand.New(rand.NewSource(8))
	var literals []literal
	for i := range 90 {
		text := ""
		for range 2 + random.Intn(4) {
			text += string(rune('a' + random.Intn(4)))
		}
		literals = append(literals, literal{text: text, rules: 1 << (i % 64)})
	}
	f := newFinder(literals)
	for range 5000 {
		text := ""
		for range random.Intn(12) {
			c := rune('a' + random.Intn(5))
			if random.Intn(2) == 0 {
				c = unicode.ToUpper(c)
			}
			text += string(c)
		}
		want := uint64(0)
		for _, l := range literals {
			if strings.Contains(strings.ToLower(text), l.text) {
				want |= l.rules
			}
		}
		if got := f.find(text); got != want {
			t.Fatalf("in %q found %x, want %x", text, got, want)
		}
	}
}

// hostile are texts of 64 KiB that are made to take long.
func hostile() map[string]string {
	texts := map[string]string{}
	for _, unit := range []string{
		"password", "password=x ", `password":"`, `"password":"\\\\`, "eyJ", "eyJ.", "://", "://a:b", "://a:b@", "cookie:", `cookie: a="`,
		"authorization: a ", "authorization: digest x\n", "bearer ", "bearer a1", "tagtail_", "/login#", "a", "\\\"", "pass\"", "token=%22", "\xff", "foo", "foo ",
	} {
		texts[unit] = strings.Repeat(unit, 64<<10/len(unit))
	}
	return texts
}

// within tells whether f takes at most limit in one of three runs: what else the
// machine does only adds to it.
func within(limit time.Duration, f func()) bool {
	for range 3 {
		start := time.Now()
		f()
		if time.Since(start) <= limit {
			return true
		}
	}
	return false
}

func TestHostileTextOfTheLargestSizeTakesNoTime(t *testing.T) {
	builtin := all(t)
	own := mustCompile(t, Rule{Name: "backwards", Pattern: `foo(.*bar)?`}, Rule{Name: "digits", Pattern: `(?:\w+\s?)+[0-9]`})
	// What a pattern takes that looks at each byte of as much text once.
	start := time.Now()
	regexp.MustCompile(`(a|b.*)+\x00`).MatchString(strings.Repeat("ab", 64<<10))
	look := time.Since(start)
	for unit, text := range hostile() {
		apply := func(s *Set) func() {
			return func() { s.Apply(&index.Entry{Message: text, AppName: "password", Hostname: "cookie"}) }
		}
		if !within(10*look, apply(builtin)) {
			t.Errorf("built-in rules take longer than ten looks of %v at %q again and again", look, unit)
		}
		if !within(2*maxPlaces*look, apply(own)) {
			t.Errorf("own rules take longer than %d looks of %v at %q again and again", 2*maxPlaces, look, unit)
		}
	}
	e := index.Entry{Message: strings.Repeat("foo ", 1000)}
	own.Apply(&e)
	if want := strings.Repeat("[redacted] ", maxPlaces) + Mark; e.Message != want {
		t.Errorf("a pattern that matches 1000 times leaves %d bytes, want that the rest goes as a whole", len(e.Message))
	}
}

func FuzzApply(f *testing.F) {
	for unit := range hostile() {
		f.Add(unit+unit, "host", "app", false)
	}
	f.Add(`{"password":"x"}`, "token:", "password=", true)
	var rules []Rule
	for _, name := range Builtins() {
		rules = append(rules, Rule{Name: name})
	}
	s, err := Compile(append(rules, Rule{Name: "own", Pattern: `(?i)key\W+(\w+)`, Replace: "$1"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, message, host, app string, cut bool) {
		e := index.Entry{Message: message, Hostname: host, AppName: app}
		if cut {
			e.Flags = index.FlagTruncated
		}
		before := e
		s.Apply(&e)
		if changed := e.Message != before.Message || e.Hostname != before.Hostname || e.AppName != before.AppName; changed != e.Flags.Has(index.FlagRedacted) {
			t.Errorf("changed is %t, flags are %v", changed, e.Flags.Names())
		}
	})
}

func BenchmarkApply(b *testing.B) {
	plain := "2026/11/22 08:53:08 [debug] 18331#18331: *9 http process request line, event timer del: 12: 60000"
	for name, message := range map[string]string{
		"nothing to find": plain, "a password": plain + ` "GET /login?user=dev1&password=s3cr3t HTTP/1.1"`, "64 KiB": strings.Repeat(plain, 650),
	} {
		for kind, set := range map[string]*Set{"none": nil, "built-in": all(b)} {
			b.Run(fmt.Sprintf("%s/%s", name, kind), func(b *testing.B) {
				b.SetBytes(int64(len(message)))
				for b.Loop() {
					e := index.Entry{Message: message, Hostname: "vm", AppName: "socketserver_dev1", Instance: "socketserver/dev1"}
					set.Apply(&e)
				}
			})
		}
	}
}
