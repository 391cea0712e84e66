import base64


def tree(secret):
    name, hidden = (base64.b64encode(text.encode()).decode() for text in ("Änn", secret))
    return f"""version: 1

# domains
dn: domainName=example.org,o=domains,dc=x
objectClass: mailDomain
domainName: example.org
accountStatus: active
mtaTransport: dovecot
domainAliasName: example.net
domainAdmin: ann@example.org

dn: mail=ann@example.org,ou=Users,domainName=example.org,o=domains,dc=x
objectClass: inetOrgPerson
objectClass: mailUser
mail: ann@example.org
cn:: {name}
accountStatus: active
userPassword:: {hidden}
mailQuota: 104857600
homeDirectory: /var/vmail/vmail1/example.org/a/n/n/ann-
 2020/
enabledService: imap
enabledService: smtp
shadowAddress: a.smith@example.org
mailForwardingAddress: ann@example.org
mailForwardingAddress: ann@elsewhere.test
memberOfGroup: staff@example.org

dn: mail=bob@example.org,ou=Users,domainName=example.org,o=domains,dc=x
objectClass: mailUser
mail: bob@example.org
userPassword: {secret}
accountStatus: disabled
homeDirectory: /var/vmail/vmail1/example.org/b/o/b/bob-2020/
enabledService: imap

dn: mail=staff@example.org,ou=Groups,domainName=example.org,o=domains,dc=x
objectClass: mailList
mail: staff@example.org
accountStatus: active

dn: mail=@example.org,ou=Users,domainName=example.org,o=domains,dc=x
objectClass: mailUser
mail: @example.org
accountStatus: active
mailForwardingAddress: ann@example.org

dn: mail=root@example.org,o=domainAdmins,dc=x
objectClass: mailAdmin
mail: root@example.org
userPassword: {secret}
domainGlobalAdmin: yes
accountStatus: active
"""
