from urllib.parse import urlencode

from playwright.sync_api import expect

from tests.servers.processes import wait_until


class Webmail:
    def __init__(self, visitors, url, address):
        self.address, self.url = address, url
        self.page = visitors.open(ignore_https_errors=True)

    def try_to_sign_in(self, password):
        self.page.goto(f"{self.url}/?_task=login")
        self.page.get_by_label("Username").fill(self.address)
        self.page.get_by_label("Password").fill(password)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Login").click()

    def sign_in(self, password):
        self.try_to_sign_in(password)
        expect(self.page.locator("#messagelist")).to_be_attached()
        return self

    def press(self, button, command):
        """Press ``button`` once the page's script knows its command, and wait for the next page."""
        self.wait_for(command)
        with self.page.expect_navigation():
            self.page.locator(button).first.click()

    def wait_for(self, command, frame=None):
        """A button does nothing before the page's script knows its command."""
        known = "command => window.rcmail?.commands[command]"
        (frame or self.page).wait_for_function(known, arg=command)

    def goto(self, action, task="mail", **values):
        # Roundcube writes the whole session at the end of each request: one under way forgets what this one opens.
        self.page.wait_for_load_state("networkidle")
        values = {"_task": task, "_action": action, **values}
        self.page.goto(f"{self.url}/?{urlencode(values)}")

    def addresses(self):
        self.goto("compose")
        options = self.page.locator("#_from option")
        expect(options.first).to_be_attached()  # Roundcube goes on to an address of this message
        return options.all_inner_texts()

    def write(self, to, subject):
        self.goto("compose")
        page = self.page
        page.locator("#compose_to input").fill(to)
        page.locator("#compose_to input").press("Enter")
        page.get_by_label("Subject").fill(subject)
        self.send()

    def send(self):
        self.page.locator("#composebody").fill("Dear all")
        self.press("button.send", "send")
        expect(self.page.locator("#messagelist")).to_be_attached()

    def find(self, subject):
        """Wait until the message is in the list of the inbox; return its number there."""
        row = self.page.locator("#messagelist tr.message", has_text=subject)

        def is_listed():
            self.goto("", _mbox="INBOX")
            self.page.wait_for_load_state("networkidle")
            return row.count() == 1

        wait_until(is_listed, f"{subject!r} in the inbox")
        return row.evaluate("row => row.uid")

    def answer(self, subject):
        """Open the message and press Reply; return the address that stands under From."""
        self.goto("show", _mbox="INBOX", _uid=self.find(subject))
        self.press("#toolbar-menu a.reply", "reply")
        return self.page.locator("#_from option:checked").inner_text()

    def change_password(self, old, new):
        self.goto("plugin.password", task="settings")
        for field, value in {"curpasswd": old, "newpasswd": new, "confpasswd": new}.items():
            self.page.locator(f"#{field}").fill(value)
        self.press("button.submit", "plugin.password-save")
        said = self.page.locator("#messagestack")
        expect(said).not_to_be_empty()
        return said.inner_text()

    def set_out_of_office(self, subject, text, *, on=True):
        self.goto("plugin.managesieve-vacation", task="settings")
        self.wait_for("plugin.managesieve-save")
        self.page.locator("#vacation_subject").fill(subject)
        self.page.locator("#vacation_reason").fill(text)
        self.page.locator("#vacation_status").select_option("on" if on else "off")
        self.page.locator("button.submit").click()
        said = self.page.locator("#messagestack .confirmation")
        expect(said).to_be_visible()
        return said.inner_text()

    def file_everything_into(self, folder):
        self.goto("plugin.managesieve", task="settings")
        self.wait_for("plugin.managesieve-add")
        self.page.locator("a.create:visible").first.click()
        box = self.page.locator("#filter-box")
        form = box.content_frame
        form.locator("#_name").fill(f"All into {folder}")
        self.wait_for("plugin.managesieve-save", box.element_handle().content_frame())
        form.locator("#_join").select_option("any")
        form.locator("[name='_action_mailbox[0]']").select_option(folder)
        form.locator("button.submit").click()
        expect(self.page.locator("#filterslist")).to_contain_text(f"All into {folder}")
