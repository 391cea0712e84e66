-- The keys that dkim_signing.conf signs with and the numbers of sending_limits.lua, read again when their files change:
-- /etc/rspamd/local.d/rspamd.lua
--
-- Try it:  grep keys.map /var/log/rspamd/rspamd.log

mailadmin_keys = rspamd_config:add_map({
  type = 'map',
  url = '@SIGNING_KEYS@',
  description = 'keys of the panel',
})
mailadmin_limits = rspamd_config:add_map({
  type = 'map',
  url = '@SENDING_LIMITS@',
  description = 'limits of the panel',
})
