-- The keys that dkim_signing.conf signs with, read again when the file changes: /etc/rspamd/local.d/rspamd.lua
--
-- Try it:  grep keys.map /var/log/rspamd/rspamd.log

mailadmin_keys = rspamd_config:add_map({
  type = 'map',
  url = '@SIGNING_KEYS@',
  description = 'keys of the panel',
})
