-- Whose mail is signed: @OPENDKIM_CONF@/setup.lua, which OpenDKIM runs for each message.
--
-- Somebody who signed in may write any From: above a message. A signature of that domain would vouch for it, so it is
-- given only if the domain is also the sender's, which Postfix has compared with the login. What programs on this machine send,
-- such as a vacation message, has no login and is signed by its From: alone.

-- Try it:  send with another domain in From: than that of your login; the message has no DKIM-Signature.

local function domain_of(address)
  return string.lower(string.match(address or "", "@([^@>%s]+)>?%s*$") or "")
end

local from = string.lower(odkim.get_fromdomain(ctx) or "")
local login = odkim.get_mtasymbol(ctx, "{auth_authen}")
local sender = domain_of(odkim.get_envfrom(ctx))

if login ~= nil and sender == "" then
  sender = domain_of(login) -- a receipt, whose sender is empty
end
if login ~= nil and sender ~= from then
  odkim.set_result(ctx, SMFIS_ACCEPT) -- on its way as it is
end
return nil
