-- The handler of the end-to-end test: ?say= is logged, ?crash= is a mistake.
local args = ngx.req.get_uri_args()
if args.crash then
    local bag = nil
    bag.item = args.crash
end
ngx.log(ngx.NOTICE, args.say or "nothing said")
ngx.say("ok")
