<?php

/**
 * Keeps the identities in step with the panel: /var/lib/roundcube/plugins/mailadmin/mailadmin.php
 *
 * At each sign-in the panel says under which addresses this mailbox may send, as it says to Postfix. One that is new
 * since the last sign-in becomes an identity, and is found again with its signature if it was one before; one that is
 * gone is taken away. What a person wrote into an identity, or an identity that they deleted, stays as it is. While the
 * panel does not answer, the identities are those of before.
 *
 * Roundcube knows a person by the address alone. Who gets a new mailbox with the name of one that was deleted would find its
 * address book and signatures: so these are deleted at the first sign-in of a mailbox that is younger than the one of before, by a day at least.
 *
 * Try it: give a mailbox an alias in the panel, sign in to Roundcube anew: Settings, Identities has it.
 */
class mailadmin extends rcube_plugin
{
    public const SECONDS = 20;
    public const KNOWN = 'mailadmin_addresses';
    public const CREATED = 'mailadmin_created';
    public const DAY = 86400; // more than a change of the panel's time zone makes of the same moment

    public function init()
    {
        $this->add_hook('login_after', [$this, 'login_after']);
    }

    public function login_after($arguments)
    {
        $rcmail = rcmail::get_instance();
        [$status, $text] = self::ask('identities/', ['user' => $rcmail->get_user_name()]);
        $answer = $status == 200 ? json_decode($text, true) : null;
        if ($answer) {
            self::leave_nothing_to_successor($rcmail, $answer['created']);
        }
        if (!empty($answer['addresses'])) {
            self::keep_in_step($rcmail->user, $answer['addresses'], $answer['name']);
        }
        return $arguments;
    }

    /** Returns [status, text]; the status is 0 if there was no answer. */
    public static function ask($path, $values)
    {
        $rcmail = rcmail::get_instance();
        $options = [
            'timeout' => self::SECONDS,
            'http_errors' => false,
            'allow_redirects' => false,
            'headers' => [
                'Authorization' => 'Bearer ' . $rcmail->config->get('mailadmin_secret'),
                'Accept-Language' => str_replace('_', '-', (string) ($_SESSION['language'] ?? 'en')),
            ],
        ];
        try {
            $client = $rcmail->get_http_client($options);
            $answer = $client->post($rcmail->config->get('mailadmin_url') . $path, ['form_params' => $values]);
            return [$answer->getStatusCode(), (string) $answer->getBody()];
        } catch (Exception $error) {
            // Not its message, which may hold what was sent.
            rcube::raise_error('mailadmin: the panel did not answer: ' . get_class($error), true, false);
            return [0, ''];
        }
    }

    private static function leave_nothing_to_successor($rcmail, $created)
    {
        $user = $rcmail->user;
        $before = $user->get_prefs()[self::CREATED] ?? $created;
        if ($created - $before > self::DAY) {
            $db = $rcmail->get_dbh();
            // Foreign keys take along all that is the user's.
            $db->query('DELETE FROM ' . $db->table_name('users', true) . ' WHERE `user_id` = ?', $user->ID);
            $user = rcube_user::create($user->data['username'], $user->data['mail_host']);
            $rcmail->set_user($user);
            $_SESSION['user_id'] = $user->ID;
        }
        if (($user->get_prefs()[self::CREATED] ?? null) !== $created) {
            $user->save_prefs([self::CREATED => $created]);
        }
    }

    private static function keep_in_step($user, $allowed, $name)
    {
        $prefs = $user->get_prefs();
        $known = $prefs[self::KNOWN] ?? [];
        $present = [];
        foreach ($user->list_identities() as $identity) {
            $present[$identity['identity_id']] = strtolower($identity['email']);
        }
        foreach (array_diff($allowed, $known, $present) as $address) {
            if (!self::bring_back($user, $address)) {
                $user->insert_identity(['email' => $address, 'name' => $name]);
            }
        }
        // Afterwards: Roundcube never deletes the last one.
        foreach (array_diff($present, $allowed) as $id => $address) {
            $user->delete_identity($id);
        }
        if ($known != $allowed) {
            $user->save_prefs([self::KNOWN => $allowed]);
        }
    }

    /** Roundcube keeps a deleted identity for some days. */
    private static function bring_back($user, $address)
    {
        $db = rcmail::get_instance()->get_dbh();
        $table = $db->table_name('identities', true);
        $db->query(
            "UPDATE {$table} SET `del` = 0, `standard` = 0, `changed` = " . $db->now()
                . ' WHERE `user_id` = ? AND `email` = ? AND `del` = 1 ORDER BY `identity_id` DESC LIMIT 1',
            $user->ID, $address
        );
        return $db->affected_rows() > 0;
    }
}
