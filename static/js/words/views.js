// Words of the saved views.

/** @type {Words} */
export const words = {
  en: {
    'views.title': 'Saved views',
    'views.me': 'Mine',
    'views.team': 'Team',
    'views.meOne': 'saved view',
    'views.teamOne': 'view of the team',
    'views.save': 'Save this view',
    'views.name': 'Name',
    'views.forTeam': 'For the team',
    'views.saveButton': 'Save',
    'views.saved': 'Saved as {name}',
    'views.none': 'There is no saved view {name}',
    'views.failed': 'The server cannot be reached: try again.',
    'views.delete': 'Delete {name}',
  },
  zh: {
    'views.title': '已保存的视图',
    'views.me': '我的',
    'views.team': '团队',
    'views.meOne': '已保存的视图',
    'views.teamOne': '团队的视图',
    'views.save': '保存当前视图',
    'views.name': '名称',
    'views.forTeam': '团队可见',
    'views.saveButton': '保存',
    'views.saved': '已保存为 {name}',
    'views.none': '没有名为 {name} 的视图',
    'views.failed': '无法连接服务器，请重试。',
    'views.delete': '删除 {name}',
  },
};
