package static

import "testing"

func TestScriptsAreServedWithoutCommentsButWithTheirLines(t *testing.T) {
	script := "// One.\n\n/**\n * @param {string} a\n */\nexport function f(a) {\n  /** @type {X} */ (a).b(); // stays\n  /** @type {X} */\n" +
		"  const s = `\n  // text\n`;\n  return '/* text */';\n}\n"
	want := "\n\n\n\n\nexport function f(a) {\n  /** @type {X} */ (a).b(); // stays\n\n" +
		"  const s = `\n  // text\n`;\n  return '/* text */';\n}\n"
	if got := string(withoutComments([]byte(script))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
