// Words of time: the zone, the range, the histogram; and of the facets.

/** @type {Words} */
export const words = {
  en: {
    'zone.label': 'Time zone',
    'zone.local': 'Local',
    'zone.utc': 'UTC',
    'zone.server': 'Server',
    'zone.title': 'Switch between local time, UTC and the server’s time (t)',
    'help.zone': 'local time, UTC or the server’s time',
  },
  zh: {
    'zone.label': '时区',
    'zone.local': '本地',
    'zone.utc': 'UTC',
    'zone.server': '服务器',
    'zone.title': '切换本地时间、UTC 与服务器时间（t）',
    'help.zone': '本地时间、UTC 或服务器时间',
  },
};
