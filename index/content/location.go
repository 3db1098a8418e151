package content

import "strings"

// Location is a place in a program's source.
type Location struct {
	// File is the path as it was written. Lua shortens a long one, to
	// "...srv/game01/src/player.lua".
	File string
	// Line is a number without leading zeros, "" where Lua gives none.
	Line string
	// Function is what runs there, "" if it is not said.
	Function string
}

// Base is the last part of the file's path.
func (l Location) Base() string { return l.File[strings.LastIndexAny(l.File, `/\`)+1:] }

// Locations calls yield for every place that the text names, in its order,
// until yield returns false: main.lua:12, Lua's "main.lua: in function" and
// Python's File "main.py", line 12.
func (m Message) Locations(yield func(Location) bool) {
	text, from := m.text, 0
	for dot := strings.IndexByte(text, '.'); dot >= 0; {
		if end := extension(text, dot); end > 0 {
			if l, after, ok := locationAt(text, from, dot, end); ok {
				if !yield(l) {
					return
				}
				dot, from = after-1, after
			}
		}
		next := strings.IndexByte(text[dot+1:], '.')
		if next < 0 {
			return
		}
		dot += 1 + next
	}
}

// Location is the place that the message is about: where it was written or
// where the error is. Python's traceback has that last.
func (m Message) Location() (Location, bool) {
	var found Location
	ok := false
	for l := range m.Locations {
		found, ok = l, true
		if m.kind != Python {
			break
		}
	}
	return found, ok
}

// extension returns where the name of a source file ends whose extension
// begins at dot, 0 if it is none. Others would make a file of example.com:80.
func extension(text string, dot int) int {
	const longest = 5
	end := dot + 1
	for end < len(text) && end-dot <= longest && isAlphanumeric(text[end]) {
		end++
	}
	switch text[dot+1 : end] {
	case "lua", "py", "conf", "js", "mjs", "ts", "go", "c", "h", "cc", "cpp", "php", "rb", "java", "sql", "sh", "pl", "rs", "cs", "moon", "ljbc":
		return end
	}
	return 0
}

// locationAt reads the place whose file's extension is text[dot+1:end]. Its
// name may go back as far as from.
func locationAt(text string, from, dot, end int) (l Location, after int, ok bool) {
	rest := text[end:]
	length, ok := l.readBehind(rest)
	if !ok {
		return l, 0, false
	}
	start := dot
	for start > from && isPathByte(text[start-1]) {
		start--
	}
	l.File = text[start:end]
	// What goes on right behind the place before is no name of its own.
	return l, end + length, start < dot && (start == 0 || start > from)
}

// readBehind reads the line and the function behind the name of a file, and
// returns how long they are. It is false if there is neither. A chunk that Lua
// has loaded from text looks like [string "main.lua"]:12.
func (l *Location) readBehind(s string) (length int, ok bool) {
	for _, mark := range [...]string{":", "\"]:"} {
		behind, found := strings.CutPrefix(s, mark)
		if !found {
			continue
		}
		if l.Line = lineAt(behind); l.Line != "" {
			l.Function = luaFunction(behind[len(l.Line):])
			return len(mark) + len(l.Line), true
		}
	}
	if strings.HasPrefix(s, ": in ") {
		l.Function = luaFunction(s)
		return 0, true
	}
	const pythonLine = "\", line "
	behind, found := strings.CutPrefix(s, pythonLine)
	if l.Line = lineAt(behind); !found || l.Line == "" {
		return 0, false
	}
	if name, found := strings.CutPrefix(behind[len(l.Line):], ", in "); found {
		l.Function = pythonFunction(name)
	}
	return len(pythonLine) + len(l.Line), true
}

// pythonFunction returns the rest of the line. Looking farther than a name is
// long would take the square of the time for a text full of such places.
func pythonFunction(s string) string {
	const longest = 256
	end := strings.IndexByte(s[:min(len(s), longest)], '\n')
	switch {
	case end >= 0:
		return strings.TrimSuffix(s[:end], "\r")
	case len(s) > longest:
		return ""
	}
	return strings.TrimSuffix(s, "\r")
}

// isPathByte tells whether a file's path goes on with c, to the left.
func isPathByte(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte("\"'`()[]{}<>,;=:|*@", c) < 0
}

// lineAt returns the number of a line that s begins with.
func lineAt(s string) string {
	n := digits(s)
	if n == 0 || n > 9 || s[0] == '0' || !closed(s[n:]) {
		return ""
	}
	return s[:n]
}

// luaFunction returns the function in what follows a place: ": in function
// 'name'", ": in main chunk", or nginx's ": name(): ".
func luaFunction(s string) string {
	s, ok := strings.CutPrefix(s, ": ")
	if !ok {
		return ""
	}
	if where, ok := strings.CutPrefix(s, "in "); ok {
		if strings.HasPrefix(where, "main chunk") && closed(where[len("main chunk"):]) {
			return where[:len("main chunk")]
		}
		name, ok := strings.CutPrefix(where, "function '")
		if end := strings.IndexByte(name, '\''); ok && end > 0 {
			return name[:end]
		}
		return ""
	}
	end := 0
	for end < len(s) && (isAlphanumeric(s[end]) || strings.IndexByte("_.:", s[end]) >= 0) {
		end++
	}
	if end > 0 && strings.HasPrefix(s[end:], "(): ") {
		return s[:end]
	}
	return ""
}
