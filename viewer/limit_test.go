package viewer

import (
	"errors"
	"net"
	"testing"
)

func TestConnectionsOverTheLimitWaitForAnother(t *testing.T) {
	inner, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	l := newLimitListener(inner, 1)
	for range 12 {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
	}
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = l.Accept(); err != nil {
		t.Fatalf("a second connection after the first was closed: %v", err)
	}
	// Ten more wait in the kernel, and no slot is free: nothing but the close
	// of the listener can end Accept.
	close(l.closed)
	for range 10 {
		if conn, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("Accept = %v, %v, want %v", conn, err, net.ErrClosed)
		}
	}
}
