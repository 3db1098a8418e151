# The values of master are everybody's; a developer's own win over them.
{
    'master': {
        'WORKER_PROCESSES': 1,
        'LUA_CODE_CACHE': 'off',
        'LISTEN': '1090',
        'SERVER_NAME': 'localhost',
    },
#OWNERS LISTEN 1091
}
