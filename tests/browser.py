"""A real browser for the tests of pages: chromium without a window, driven by the DevTools protocol over two pipes."""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
FLAGS = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',  # containers have little of it
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-extensions',
    '--hide-scrollbars',
    '--remote-debugging-pipe',
]
PHONE, DESKTOP = 390, 1280  # px

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason='no chromium: apt-get install chromium, as .ci/run does')


@contextlib.contextmanager
def browser(folder):
    """Runs the browser with its profile in a folder; yields a `Tab`."""
    # By the protocol, the browser reads commands from its descriptor 3 and writes to 4.
    commands, to_browser = os.pipe()
    from_browser, answers = os.pipe()
    process = subprocess.Popen(
        [
            'bash',
            '-c',
            f'exec "$0" "$@" 3<&{commands} 4>&{answers}',
            CHROMIUM,
            *FLAGS,
            f'--user-data-dir={pathlib.Path(str(folder)) / "profile"}',
            'about:blank',
        ],
        pass_fds=(commands, answers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, 'HOME': str(folder)},
    )
    os.close(commands)
    os.close(answers)
    try:
        with open(to_browser, 'wb', buffering=0) as outgoing, open(from_browser, 'rb') as incoming:
            tab = Tab(outgoing, incoming)
            yield tab
            tab.call('Browser.close')
            process.wait()
    finally:
        process.kill()
        process.wait()


class Tab:
    """One tab.

    Attributes:
        complaints: What pages have said since the last `open`: errors of scripts, console messages, what was blocked.
    """

    def __init__(self, outgoing, incoming):
        self._outgoing, self._incoming = outgoing, incoming
        self._session, self._number, self._waiting, self.complaints = None, 0, b'', []
        target = next(info for info in self.call('Target.getTargets')['targetInfos'] if info['type'] == 'page')
        self._session = self.call('Target.attachToTarget', targetId=target['targetId'], flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log'):
            self.call(f'{domain}.enable')

    def call(self, method, **params):
        """Gives a command of the protocol and returns its result."""
        self._number += 1
        command = {'id': self._number, 'method': method, 'params': params}
        if self._session is not None:
            command['sessionId'] = self._session
        self._outgoing.write(json.dumps(command).encode() + b'\0')
        answer = self._receive(lambda message: message.get('id') == self._number)
        assert 'error' not in answer, answer
        return answer['result']

    def _receive(self, is_wanted):
        while True:
            while b'\0' not in self._waiting:
                more = os.read(self._incoming.fileno(), 1 << 20)
                assert more, 'the browser has ended'
                self._waiting += more
            text, self._waiting = self._waiting.split(b'\0', 1)
            message = json.loads(text.decode('utf-8'))
            if message.get('method') in ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled', 'Log.entryAdded'):
                self.complaints.append(message['params'])
            if is_wanted(message):
                return message

    def open(self, path, width=DESKTOP, scripts=True, **media):
        """Opens a file.

        Args:
            path: Of the file.
            width: Of the window, px; narrow ones are of a phone.
            scripts: Whether scripts run.
            media: Media features by name, '_' for '-', such as prefers_color_scheme='dark'.
        """
        self.complaints = []
        self.call(
            'Emulation.setDeviceMetricsOverride', width=width, height=800, deviceScaleFactor=1, mobile=width <= PHONE
        )
        self.call('Emulation.setScriptExecutionDisabled', value=not scripts)
        self.call(
            'Emulation.setEmulatedMedia',
            features=[{'name': name.replace('_', '-'), 'value': value} for name, value in media.items()],
        )
        self.call('Page.navigate', url=pathlib.Path(str(path)).resolve().as_uri())
        self._receive(lambda message: message.get('method') == 'Page.loadEventFired')

    def run(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        assert 'exceptionDetails' not in result, result
        return result['result'].get('value')

    def press(self, key, code):
        """Presses a key of the keyboard, such as 'ArrowLeft' with code 37."""
        for kind in ('rawKeyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def click(self, selector):
        """Clicks in the middle of the element with the mouse."""
        x, y = self.run(
            f'(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView(); '
            'const box = e.getBoundingClientRect(); '
            'return [box.x + box.width / 2, box.y + box.height / 2]; })()'
        )
        for kind in ('mousePressed', 'mouseReleased'):
            self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def screenshot(self):
        """The pixels of the window as the bytes of a PNG."""
        return base64.b64decode(self.call('Page.captureScreenshot', format='png')['data'])

    def overflow(self):
        """By how many px the page is wider than its window."""
        return self.run('document.documentElement.scrollWidth - document.documentElement.clientWidth')
