// Words of time: the zone, the range, the histogram; and of the facets.

/** @type {Words} */
export const words = {
  en: {
    'zone.label': 'Time zone',
    'zone.local': 'Local',
    'zone.utc': 'UTC',
    'zone.server': 'Server',
    'zone.title': 'Switch between local time, UTC and the server’s time (t)',
    'histogram.title': 'Entries over time',
    'histogram.label': 'Entries over time: arrows move, Shift selects, Enter zooms in, Backspace out',
    'histogram.toggle': 'show or hide the histogram',
    'histogram.out': 'Zoom out',
    'histogram.outTitle': 'back to the wider range',
    'histogram.none': 'No entries',
    'histogram.entries': '{n} entry|{n} entries',
    'histogram.errors': '{n} error|{n} errors',
    'help.zone': 'local time, UTC or the server’s time',
  },
  zh: {
    'zone.label': '时区',
    'zone.local': '本地',
    'zone.utc': 'UTC',
    'zone.server': '服务器',
    'zone.title': '切换本地时间、UTC 与服务器时间（t）',
    'histogram.title': '日志随时间的分布',
    'histogram.label': '日志随时间的分布：方向键移动，Shift 选择，回车放大，退格缩小',
    'histogram.toggle': '显示或隐藏时间分布图',
    'histogram.out': '缩小',
    'histogram.outTitle': '回到更大的时间范围',
    'histogram.none': '没有日志',
    'histogram.entries': '{n} 条',
    'histogram.errors': '{n} 条错误',
    'help.zone': '本地时间、UTC 或服务器时间',
  },
};
