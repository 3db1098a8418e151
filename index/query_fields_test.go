package index

import "testing"

func TestFieldsAndTheirExamplesAreReadAsFields(t *testing.T) {
	for _, f := range Fields() {
		if f.Example == "" || f.Kind == "" {
			t.Errorf("%s has kind %q and example %q", f.Name, f.Kind, f.Example)
		}
		asked := []string{f.Example}
		for _, value := range f.Values {
			asked = append(asked, f.Name+":"+value)
		}
		for _, text := range asked {
			terms := ParseQuery(text, ParseOptions{Now: testNow, Deploys: []Deploy{{"game/dev1", 43, testNow}}}).Terms()
			if len(terms) != 1 || terms[0].Field != f.Name || terms[0].Hint != "" {
				t.Errorf("%s is read as %+v", text, terms)
			}
		}
	}
	if len(Fields()) < 30 {
		t.Errorf("only %d fields", len(Fields()))
	}
}
