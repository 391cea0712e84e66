<?php
// Debian's Roundcube for the mailboxes of this panel: @WEBMAIL_CONF@/config.inc.php
//
// It is read after Debian's defaults (/etc/roundcube/defaults.inc.php lists all settings) by the pool in pool.conf and
// by Debian's two timers; /etc/roundcube/config.inc.php counts too, and comes before.
// Lines of your own: @WEBMAIL_CONF@/local.inc.php, which mailconf and the installer never write.
//
// Try it:  sudo -u roundcube php -l @WEBMAIL_CONF@/config.inc.php
//          curl -I https://@WEBMAIL_HOST@/

$config = [];

// Its own database, with a user who may change rows and nothing else: database.sql.
$config['db_dsnw'] = 'mysql://@ROUNDCUBE_SQL_USER@:@ROUNDCUBE_SQL_PASSWORD@@@ROUNDCUBE_SQL_SERVER@/@ROUNDCUBE_DB@';
// With it the session keeps the password of whoever is signed in: on all machines of one webmail the same.
$config['des_key'] = '@ROUNDCUBE_KEY@';

// --- Servers, on this machine. Dovecot takes passwords without TLS from here; Postfix never does. Nobody listens in
// between, so the certificate's name is not compared. On another machine write its name, and leave out the options.
$config['imap_host'] = '127.0.0.1:143';
$config['smtp_host'] = 'tls://127.0.0.1:587';
$config['smtp_conn_options'] = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]];
$config['smtp_user'] = '%u';
$config['smtp_pass'] = '%p';
// The name after EHLO, and of message ids.
$config['smtp_helo_host'] = '@HOSTNAME@';
$config['mail_domain'] = '@HOSTNAME@';
// Seconds; below those of PHP (pool.conf) and nginx (nginx.conf), so that a person reads a sentence, not "504".
$config['imap_timeout'] = 30;
$config['smtp_timeout'] = 60;

// --- Folders, as Dovecot makes and marks them.
$config['drafts_mbox'] = 'Drafts';
$config['junk_mbox'] = 'Junk';
$config['sent_mbox'] = 'Sent';
$config['trash_mbox'] = 'Trash';
$config['create_default_folders'] = false;

// --- Signing in. The name is a mailbox's address, in lower case.
$config['login_lc'] = 2;
$config['login_username_filter'] = '/^[^@\s]+@[^@\s]+$/';
// Minutes without a request. A page that stays open asks for new mail each minute, so its session goes on.
$config['session_lifetime'] = 60;
$config['session_samesite'] = 'Lax';
$config['use_https'] = true;
// Only this name, whatever a request says it wants.
$config['trusted_host_patterns'] = ['@WEBMAIL_HOST@'];
// A wrong password is a line in the journal with the visitor's address.
$config['log_driver'] = 'syslog';
$config['syslog_id'] = 'roundcube';
$config['syslog_facility'] = LOG_MAIL;
$config['log_logins'] = true;

// --- Identities come from the panel at each sign-in: the addresses that Postfix lets this mailbox send as. Names and
// signatures are the person's own, addresses are not (1).
$config['identities_level'] = 1;
// A reply comes from the address that was written to; "mailadmin" puts the identities there.
$config['plugins'] = [
    'mailadmin', 'identity_select', 'password', 'archive', 'attachment_reminder',
# BEGIN sieve
    'managesieve',
# END sieve
];
// Where To and Cc do not say it, as in a mailing list's mail.
$config['identity_select_headers'] = ['X-Original-To', 'Delivered-To', 'Envelope-To'];

// --- The panel, on this machine only (nginx.conf).
$config['mailadmin_url'] = 'http://127.0.0.1:@WEBMAIL_PANEL_PORT@/webmail/';
$config['mailadmin_secret'] = '@WEBMAIL_SECRET@';
// A new password is stored by the panel, by its rules. What is wrong with it, the panel says too.
$config['password_driver'] = 'mailadmin';
$config['password_confirm_current'] = true;
$config['password_minimum_length'] = 0;
# BEGIN sieve

// --- Filters. Dovecot files spam into Junk before these are asked. Out of office has a page of its own.
$config['managesieve_host'] = '127.0.0.1';
$config['managesieve_vacation'] = 1;
$config['managesieve_vacation_interval'] = 1;
$config['managesieve_vacation_addresses_init'] = true;
$config['managesieve_default'] = '';
// A refusal after the mail was taken would go to whoever is named as its sender.
$config['managesieve_disabled_extensions'] = ['ereject', 'reject'];
# END sieve

// --- Mail
// Postfix takes 50 MB (message_size_limit), which is 37 MB of files.
$config['max_message_size'] = '50M';
$config['htmleditor'] = 0;
$config['show_images'] = 0;
$config['enable_spellcheck'] = false;

// --- Pages
$config['product_name'] = 'Webmail';
$config['skin'] = 'elastic';
$config['support_url'] = '';
$config['temp_dir'] = '@WEBMAIL_TEMP@';
$config['refresh_interval'] = 60;

if (is_readable(__DIR__ . '/local.inc.php')) {
    include __DIR__ . '/local.inc.php';
}
