package main

import (
	"net/url"
	"os"
	"testing"
)

func TestForwardingToOneselfIsFound(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		listener, target string
		want             bool
	}{
		{"udp://127.0.0.1:514", "127.0.0.1:514", true},
		{"udp://127.0.0.1:514", "127.0.0.1:515", false},
		{"udp://127.0.0.1:514", "127.0.0.2:514", false},
		{"udp://127.0.0.1:514", "localhost:514", true},
		{"udp://0.0.0.0:514", "localhost:514", true},
		{"udp://0.0.0.0:514", name + ":514", true},
		{"udp://0.0.0.0:514", "127.3.2.1:514", true},
		{"udp://[::]:514", "127.0.0.1:514", true},
		{"udp://[::]:514", "[::1]:514", true},
		{"udp://0.0.0.0:514", "192.0.2.1:514", false},
		{"udp://0.0.0.0:514", "logs.example.com:514", false},
		{"udp://192.0.2.7:514", "localhost:514", false},
		{"tcp://127.0.0.1:0", "127.0.0.1:0", false},
	} {
		u, err := url.Parse(test.listener)
		if err != nil {
			t.Fatal(err)
		}
		if got := isSelf(test.target, u); got != test.want {
			t.Errorf("to %s, listening at %s: %v, want %v", test.target, test.listener, got, test.want)
		}
	}
}
