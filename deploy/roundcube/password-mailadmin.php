<?php

/**
 * A driver of Roundcube's password plugin: /usr/share/roundcube/plugins/password/drivers/mailadmin.php
 *
 * The panel changes the password, by its own rules and with its log. What it refuses it says in a sentence.
 *
 * Try it: in Roundcube, Settings, Password: a new password of three letters is refused with the panel's sentence.
 */
class rcube_mailadmin_password
{
    public function save($current, $new, $user)
    {
        [$status, $text] = mailadmin::ask('password/', [
            'user' => $user,
            'old_password' => $current,
            'password' => $new,
            'client' => rcube_utils::remote_addr(),
        ]);
        if ($status == 200) {
            return PASSWORD_SUCCESS;
        }
        if ($status == 422 || $status == 429 || $status == 503) {
            return ['code' => PASSWORD_ERROR, 'message' => rcube::Q($text)];
        }
        return PASSWORD_CONNECT_ERROR;
    }
}
