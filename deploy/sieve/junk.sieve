# Mail that a spam filter marked goes to Junk. /etc/dovecot/sieve/junk.sieve, then: sievec junk.sieve
#
# rspamd sets X-Spam, SpamAssassin X-Spam-Flag. A stranger may set either, and is filed into Junk for it.
#
# Try it:  printf 'Subject: x\nX-Spam: Yes\n\nx\n' | sendmail info@example.org
#          doveadm mailbox status -u info@example.org messages Junk

require ["fileinto"];

if anyof (header :is "X-Spam" "Yes", header :is "X-Spam-Flag" "YES") {
    fileinto "Junk";
    stop;
}
