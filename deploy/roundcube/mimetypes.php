<?php
// Roundcube looks for Debian's list beside its configuration: @WEBMAIL_CONF@/mimetypes.php
return include '/etc/roundcube/mimetypes.php';
