"""Reads the pages that Google Drive sends instead of a file."""

import html.parser
import urllib.parse
from typing import Dict, Optional

_QUOTA_SIGNS = ('quota exceeded', 'too many users have viewed or downloaded', "can't view or download this file at")
_SIGN_IN_SIGNS = (
    'accounts.google.com/servicelogin',
    'accounts.google.com/v3/signin',
    'sign in - google accounts',
    'google drive: sign-in',
    'you need access',
    'request access',
)
_GONE_SIGNS = ('the file you have requested does not exist', 'error 404 (not found)')


def reason_of_page(page: str, url: str) -> Optional[str]:
    """Why Drive sends this page instead of the file; None if the page is no known refusal.

    Args:
        page: Text of the page.
        url: Where it came from, after redirections.

    Returns:
        A reason, without a full stop.
    """
    text, host = page.lower(), urllib.parse.urlsplit(url).hostname or ''
    if any(sign in text for sign in _QUOTA_SIGNS):
        return (
            'Google Drive says that too many people have downloaded it lately: try again in a day, or open the '
            'address in a browser where you are signed in'
        )
    if host == 'accounts.google.com' or any(sign in text for sign in _SIGN_IN_SIGNS):
        return 'Google Drive asks to sign in: the file is not shared with everyone any more, or not from here'
    if any(sign in text for sign in _GONE_SIGNS):
        return 'Google Drive says that there is no such file any more'
    return None


def confirmed_url(page: str, url: str, cookies: Dict[str, str]) -> Optional[str]:
    """The address behind the button of Drive's page that asks to confirm large downloads; None without a button.

    Args:
        page: Text of the page. Newer pages have a form, older ones a link or only a cookie.
        url: Where it came from.
        cookies: Dict of cookies that came with it.
    """
    parser = _ConfirmPage()
    parser.feed(page)
    if parser.action and 'confirm' in parser.fields:
        target = parser.action + ('&' if '?' in parser.action else '?') + urllib.parse.urlencode(parser.fields)
    elif parser.link:
        target = parser.link
    else:
        token = next((value for name, value in cookies.items() if name.startswith('download_warning')), None)
        if token is None:
            return None
        target = url + ('&' if '?' in url else '?') + urllib.parse.urlencode({'confirm': token})
    return urllib.parse.urljoin(url, target)


class _ConfirmPage(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.action, self.fields, self.link = None, {}, None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == 'form' and 'confirm' not in self.fields:
            self.action, self.fields = attributes.get('action'), {}
        elif tag == 'input' and attributes.get('type') == 'hidden':
            self.fields[attributes.get('name')] = attributes.get('value') or ''
        elif tag == 'a' and 'confirm=' in (attributes.get('href') or ''):
            self.link = attributes['href']
