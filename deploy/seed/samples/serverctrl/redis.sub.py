# The values of master are everybody's; a developer's own win over them.
{
    'master': {
        'PORT': 6379,
        'BIND': '127.0.0.1',
    },
#OWNERS PORT 6381
}
