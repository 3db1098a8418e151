// Words of exports and statistics.

/** @type {Words} */
export const words = {
  en: {
    'stats.title': 'Statistics',
    'stats.loading': 'Counting…',
    'stats.shapes': 'Messages by shape',
    'stats.others': 'others',
    'export.title': 'Export all that matches, statistics',
    'export.label': 'Export',
    'export.ndjson': 'export as NDJSON',
    'export.csv': 'export as CSV',
    'export.txt': 'export as text',
    'export.running': 'Exporting: {n} entry, {size}|Exporting: {n} entries, {size}',
    'export.done': 'Exported {n} entry, {size}|Exported {n} entries, {size}',
    'export.byBrowser': 'The file is large: the browser downloads it by itself.',
    'export.broken': 'The export ended early and was not saved: try again.',
    'export.cancel': 'Cancel',
    'export.close': 'Close',
  },
  zh: {
    'stats.title': '统计',
    'stats.loading': '正在统计…',
    'stats.shapes': '消息模式',
    'stats.others': '其他',
    'export.title': '导出全部匹配的日志、统计',
    'export.label': '导出',
    'export.ndjson': '导出为 NDJSON',
    'export.csv': '导出为 CSV',
    'export.txt': '导出为文本',
    'export.running': '正在导出：{n} 条，{size}',
    'export.done': '已导出 {n} 条，{size}',
    'export.byBrowser': '文件较大，由浏览器自行下载。',
    'export.broken': '导出提前中断，未保存，请重试。',
    'export.cancel': '取消',
    'export.close': '关闭',
  },
};
