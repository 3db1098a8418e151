package index

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/content"
)

// compileClient compares addresses, which may be written in several ways, by
// what they mean. What is neither an address nor a network is compared as it
// is written: 10.1.*, or a name.
func compileClient(f *field, op operator, o operand, opts ParseOptions) (expr, string) {
	network, ok := parseNetwork(o.plain)
	if o.kind == regexOperand || !ok {
		if strings.ContainsRune(o.plain, '/') && o.kind != regexOperand {
			return nil, "a network is written like 10.0.0.0/8 or 2001:db8::/32"
		}
		return compileContent(f, op, o, opts)
	}
	x := contentExpr{
		source: f.name + string(op) + o.typed,
		test: func(_ *Entry, said content.Message) bool {
			addr, ok := parseClient(said.Client())
			return ok && network.Contains(addr)
		},
		needs: planNetwork(network),
	}
	if addr := network.Addr(); addr.Is4() && network.Bits() >= 8 {
		begin := strconv.Itoa(int(addr.As4()[0])) + "."
		x.probe = func(message string) bool { return strings.Contains(message, begin) }
	}
	return x, ""
}

// parseNetwork reads a network or a single address, without a port.
func parseNetwork(text string) (netip.Prefix, bool) {
	if _, err := netip.ParseAddr(text); err == nil {
		addr, _ := parseClient(text)
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err == nil
}

// parseClient reads an address, with a port or without. An IPv4 address that
// is written as a part of an IPv6 address, ::ffff:10.1.2.3, is one.
func parseClient(text string) (netip.Addr, bool) {
	if text == "" {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		both, err := netip.ParseAddrPort(text)
		if err != nil {
			return addr, false
		}
		addr = both.Addr()
	}
	if strings.IndexByte(text, '.') >= 0 {
		addr = addr.Unmap()
	}
	return addr.WithZone(""), true
}

// planNetwork plans for messages with an address of the network: its whole
// parts are in the message. There is one way to write the parts of an IPv4
// address. Those of an IPv6 address may have leading zeros, and are left out
// if they are zero; the last two may be written as an IPv4 address.
func planNetwork(network netip.Prefix) plan {
	var kids []plan
	if network.Addr().Is4() {
		parts := network.Addr().As4()
		for _, part := range parts[:network.Bits()/8] {
			kids = append(kids, plan{op: planID, text: strconv.Itoa(int(part))})
		}
		return planAllOf(kids)
	}
	const neverDotted = 6
	parts := network.Addr().As16()
	for i := range min(network.Bits()/16, neverDotted) {
		part := uint16(parts[2*i])<<8 | uint16(parts[2*i+1])
		if part == 0 {
			continue
		}
		var ways []plan
		for digits := len(strconv.FormatUint(uint64(part), 16)); digits <= 4; digits++ {
			ways = append(ways, planText(fmt.Sprintf("%0*x", digits, part), true, true))
		}
		kids = append(kids, planAnyOf(ways))
	}
	return planAllOf(kids)
}
