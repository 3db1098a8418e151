    {
        'master':{
            'WORKER_PROCESSES' : 1,
            'LUA_CODE_CACHE':'off',
            'LISTEN':'1080',
            'SERVER_NAME':'localhost',
        },
        'dev1':{ 'LISTEN':'1081', },
        'dev2':{ 'LISTEN':'1082', },
        'dev3':{ 'LISTEN':'1083', },
        'dev4':{ 'LISTEN':'1084', },
    }
