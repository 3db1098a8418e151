ngx.log(ngx.INFO, "asked for ", ngx.var.uri)
ngx.say("hello from httpserver")
