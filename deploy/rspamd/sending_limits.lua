-- To how many recipients an hour a login, and all logins of a domain together, may send (ratelimit.conf):
-- /etc/rspamd/local.d/sending_limits.lua
--
-- Those with a number of their own are in @SENDING_LIMITS@, which the helper writes: "ann@example.org 500", "@example.org 5000".
--
-- Try it:  cat @SENDING_LIMITS@

local function limit(name, whose, usual)
  return function(task)
    local login = task:get_user()
    local who = login and whose(login:lower())
    if not who then
      return nil -- from outside
    end
    local recipients = tonumber(mailadmin_limits:get_key(who)) or usual
    return name .. ':' .. who, { burst = recipients, rate = recipients / 3600 }
  end
end

return {
  mailbox = limit('mailbox', function(login) return login end, @MAILBOX_LIMIT@),
  domain = limit('domain', function(login) return login:match('@.+$') end, @DOMAIN_LIMIT@),
}
