// What a browser calls itself.

/** Of the words of an agent's text the first that is there tells the browser. */
const browsers = { Edg: 'Edge', OPR: 'Opera', Firefox: 'Firefox', Chrome: 'Chrome', Safari: 'Safari', curl: 'curl' };
const systems = { Windows: 'Windows', Android: 'Android', iPhone: 'iPhone', iPad: 'iPad', 'Mac OS X': 'macOS', Linux: 'Linux' };

/** "Firefox, Linux"; what is neither known as it is. @param {string} agent */
export function browserOf(agent) {
  const browser = Object.entries(browsers).find(([word]) => agent.includes(`${word}/`))?.[1];
  const system = Object.entries(systems).find(([word]) => agent.includes(word))?.[1];
  return [browser, system].filter(Boolean).join(', ') || agent.slice(0, 60) || '–';
}
