// The commands that send a first message to this server.

/** @typedef {{host: string, port: string, protocol: 'udp' | 'tcp', local: boolean}} Address */

/**
 * Where a sender reaches the server: UDP if it is open, else TCP.
 * @param {Pick<Input, 'input'>[]} inputs
 * @param {string} pageHost the name under which the page itself was reached
 * @returns {Address | null} null if there is no such input
 */
export function serverAddress(inputs, pageHost) {
  for (const protocol of /** @type {const} */ (['udp', 'tcp'])) {
    for (const { input } of inputs) {
      // URL knows neither scheme's authority rules; the syntax is http's.
      const rest = input.startsWith(protocol + '://') ? input.slice(protocol.length + 3) : '';
      const match = /^(\[[^\]]*\]|[^:/]*):(\d+)/.exec(rest);
      if (!match) continue;
      const everywhere = ['', '*', '0.0.0.0', '[::]'].includes(match[1]);
      const host = everywhere ? pageHost : match[1];
      return { host, port: match[2], protocol, local: /^(127\.|\[::1\]$|localhost$)/.test(host) };
    }
  }
  return null;
}

/**
 * @param {Address} address
 * @returns {{name: string, code: string, note: string}[]} note is a key of the strings
 */
export function commands({ host, port, protocol }) {
  const bare = host.replace(/^\[|\]$/g, '');
  const socket = protocol === 'tcp' ? ', socktype=socket.SOCK_STREAM' : '';
  const list = [
    { name: 'logger', note: '', code: `logger --server ${bare} --port ${port} --${protocol} --tag myapp_dev1 "hello"` },
    {
      name: 'Python', note: '', code: [
        `import logging, logging.handlers${socket && ', socket'}`,
        `handler = logging.handlers.SysLogHandler(address=("${bare}", ${port})${socket})`,
        'handler.ident = "myapp_dev1: "',
        'logging.getLogger().addHandler(handler)',
        'logging.warning("hello")',
      ].join('\n'),
    },
    {
      name: 'Lua', note: 'welcome.lua', code: [
        `init_by_lua_block { require("resty.tagtail").init { host = "${bare}", port = ${port}, sock_type = "${protocol}", instance = "myapp/dev1" } }`,
        'content_by_lua_block { require("resty.tagtail").info("hello") }',
      ].join('\n'),
    },
    { name: 'rsyslog', note: '', code: `*.* action(type="omfwd" target="${bare}" port="${port}" protocol="${protocol}")` },
    { name: 'Redis', note: 'welcome.redis', code: 'syslog-enabled yes\nsyslog-ident redis_dev1\nsyslog-facility local5' },
  ];
  // nginx speaks syslog over UDP only.
  if (protocol === 'udp') {
    const target = `syslog:server=${host}:${port},tag=nginx_dev1`;
    list.splice(1, 0, { name: 'nginx', note: '', code: `error_log ${target} info;\naccess_log ${target},severity=info combined;` });
  }
  return list;
}
