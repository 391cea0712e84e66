<?php
// Roundcube looks for Debian's list beside its configuration: @WEBMAIL_CONF@/mimetypes.php
//
// Try it:  php -r 'echo count(require "@WEBMAIL_CONF@/mimetypes.php");'
return include '/etc/roundcube/mimetypes.php';
