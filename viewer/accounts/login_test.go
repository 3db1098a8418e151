package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const issuer = "https://id.example.org"

func claimOf(subject, name string, role Role) Claim {
	return Claim{Login: Login{issuer, subject}, Name: name, Role: role}
}

func TestAPersonIsMadeAtTheFirstLogIn(t *testing.T) {
	s, _ := openStore(t)
	want := Person{Name: "dev1", Role: Developer, Created: someTime, Grants: []Grant{}, Login: Login{issuer, "17"}}
	got := must(t)(s.LogIn(claimOf("17", "dev1", Developer), someTime))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the first log-in (-want +got):\n%s", diff)
	}
	// The provider calls them something else now; the subject counts.
	want.Role = Viewer
	got = must(t)(s.LogIn(claimOf("17", "dev9", Viewer), someTime))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the second log-in (-want +got):\n%s", diff)
	}
	keeps := claimOf("17", "dev1", Admin)
	keeps.KeepsRole = true
	if got := must(t)(s.LogIn(keeps, someTime)); got.Role != Viewer {
		t.Errorf("the role is %s, want it kept", got.Role)
	}
	stored, _, err := s.Find("dev1")
	if diff := cmp.Diff(want, stored); diff != "" || err != nil {
		t.Errorf("what is stored, %v (-want +got):\n%s", err, diff)
	}
	if _, ok, err := s.Check("dev1", ""); ok || err != nil {
		t.Errorf("an empty password logs in: %v, %v", ok, err)
	}
}

func TestANameAloneIsNobody(t *testing.T) {
	s, _ := openStore(t)
	must(t)(s.Add("dev1", Admin, someTime))
	must(t)(s.LogIn(claimOf("17", "dev2", Developer), someTime))
	other := claimOf("17", "dev2", Developer)
	other.Login.Provider = "https://other.example.org"
	for name, tt := range map[string]struct {
		claim Claim
		want  error
	}{
		"the name of a local person":          {claimOf("18", "dev1", Developer), ErrNotLinked},
		"the name of another of the provider": {claimOf("18", "dev2", Developer), ErrNotLinked},
		"the subject of another provider":     {other, ErrNotLinked},
		"a reserved name":                     {claimOf("18", Reserved, Developer), ErrInvalid},
		"no name":                             {claimOf("18", "", Developer), ErrInvalid},
		"no subject":                          {claimOf("", "dev3", Developer), ErrInvalid},
		"a subject of two lines":              {claimOf("1\n8", "dev3", Developer), ErrInvalid},
		"a long subject":                      {claimOf(strings.Repeat("1", MaxSubject+1), "dev3", Developer), ErrInvalid},
		"no role":                             {claimOf("18", "dev3", ""), ErrInvalid},
	} {
		if _, err := s.LogIn(tt.claim, someTime); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	list, err := s.List()
	if len(list) != 2 || err != nil {
		t.Errorf("there are %d accounts, %v, want 2", len(list), err)
	}
}

func TestALinkedPersonLogsIn(t *testing.T) {
	s, _ := openStore(t)
	must(t)(s.Add("dev1", Viewer, someTime))
	must(t)(s.Add("dev2", Viewer, someTime))
	must(t)(s.Link("dev1", Login{issuer, "17"}))
	if got := must(t)(s.LogIn(claimOf("17", "somebody", Developer), someTime)); got.Name != "dev1" || got.Role != Developer {
		t.Errorf("17 is %s, %s, want dev1, developer", got.Name, got.Role)
	}
	if _, err := s.Link("dev2", Login{issuer, "17"}); !errors.Is(err, ErrLinked) {
		t.Errorf("two people with one subject: %v", err)
	}
	must(t)(s.Link("dev1", Login{issuer, "17"}))
	must(t)(s.Link("dev1", Login{issuer, "18"}))
	if _, err := s.LogIn(claimOf("17", "dev1", Developer), someTime); !errors.Is(err, ErrNotLinked) {
		t.Errorf("the subject of before: %v, want %v", err, ErrNotLinked)
	}
	must(t)(s.Link("dev2", Login{issuer, "17"}))
	for _, bad := range []Login{{}, {issuer, ""}, {"", "17"}, {issuer, "a\x00b"}} {
		if _, err := s.Link("dev1", bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("link to %+v: %v", bad, err)
		}
	}
	if _, err := s.Link("nobody", Login{issuer, "19"}); !errors.Is(err, ErrNoPerson) {
		t.Errorf("link of nobody: %v", err)
	}
}

func TestADisabledPersonStaysOut(t *testing.T) {
	s, _ := openStore(t)
	must(t)(s.LogIn(claimOf("17", "dev1", Developer), someTime))
	must(t)(s.Disable("dev1", true, someTime))
	for _, role := range Roles() {
		if _, err := s.LogIn(claimOf("17", "dev1", role), someTime); !errors.Is(err, ErrDisabled) {
			t.Errorf("as %s: %v, want %v", role, err, ErrDisabled)
		}
	}
}

func TestLoginsThatLookAlikeAreTwo(t *testing.T) {
	a, b := Login{"https://id", "x y"}, Login{"https://id x", "y"}
	if string(a.key()) == string(b.key()) {
		t.Errorf("%+v and %+v have the key %s", a, b, a.key())
	}
}

func TestTheStrongestRoleCounts(t *testing.T) {
	m := RoleMap{Values: map[string]Role{"ops": Admin, "dev": Developer, "all": Viewer}}
	for _, tt := range []struct {
		values string
		want   Role
	}{{"all dev", Developer}, {"dev ops all", Admin}, {"all", Viewer}, {"Ops", ""}, {"", ""}, {"none", ""}} {
		if got := m.Role(strings.Fields(tt.values)); got != tt.want {
			t.Errorf("%q gives %q, want %q", tt.values, got, tt.want)
		}
	}
	m.Default = Viewer
	if got := m.Role([]string{"none"}); got != Viewer {
		t.Errorf("the default is %q", got)
	}
	for _, bad := range []RoleMap{{Values: map[string]Role{"x": "root"}}, {Default: "root"}} {
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), `"root"`) {
			t.Errorf("%s is valid: %v", fmt.Sprint(bad), err)
		}
	}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

func TestWhomTheProviderNamesNoRoleOfStaysOutUntilItDoes(t *testing.T) {
	s, _ := openStore(t)
	dev1 := claimOf("17", "dev1", Admin)
	must(t)(s.LogIn(dev1, someTime))
	must(t)(s.SetPassword("dev1", "the right password", someTime))
	later := someTime.Add(time.Hour)
	lapse := func(want bool) {
		t.Helper()
		if _, lapsed, err := s.Lapse(dev1.Login, later); lapsed != want || err != nil {
			t.Fatalf("lapsed: %t, %v, want %t", lapsed, err, want)
		}
	}
	out := func(want bool) {
		t.Helper()
		p, _, err := s.Find("dev1")
		_, ok, e := s.Check("dev1", "the right password")
		if p.Disabled != want || ok == want || err != nil || e != nil {
			t.Errorf("%+v, password %t, %v, %v, want them out: %t", p, ok, err, e, want)
		}
	}
	lapse(true)
	lapse(false)
	out(true)
	if p, _, err := s.Find("dev1"); !p.Since.Equal(later) || err != nil {
		t.Errorf("their sessions count since %v, %v, want %v", p.Since, err, later)
	}
	dev1.Role = Viewer
	if p := must(t)(s.LogIn(dev1, someTime)); p.Role != Viewer || p.Disabled {
		t.Errorf("when it names one, they are %+v", p)
	}
	out(false)
	lapse(true)
	dev1.KeepsRole = true
	must(t)(s.LogIn(dev1, someTime))
	out(false)
	lapse(true)
	must(t)(s.Disable("dev1", false, someTime))
	out(false)
	// What an administrator has said, no log-in takes back.
	must(t)(s.Disable("dev1", true, someTime))
	lapse(false)
	if _, err := s.LogIn(dev1, someTime); !errors.Is(err, ErrDisabled) {
		t.Errorf("disabled: %v", err)
	}
	dev1.Login.Subject = "nobody"
	lapse(false)
}
