#!/usr/bin/env python3
"""Logons that must fail, each made by hand on a bare socket, and what must not work after one that did not.

    tests/logons/run.py                   every test, against Freehold
    tests/logons/run.py wrong_password    those whose name begins so
    tests/logons/run.py --server samba    against a private smbd, to prove the tests

Runs itself with the Python environment that tests/install-peers makes (DES, RC4, AES come from there). Every test comes
from a loopback address of its own, so that one test's failures do not slow another's.
"""
import argparse
import os
import pathlib
import struct
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]
from rig import server as servers  # noqa: E402

PYTHON = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
if pathlib.Path(sys.prefix) != PYTHON.parents[1]:
    if not PYTHON.exists():
        sys.exit('no %s: run tests/install-peers' % PYTHON)
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

import ntlm  # noqa: E402
import smb2  # noqa: E402
import spnego  # noqa: E402

TESTS = []
USER, PASSWORD = 'carol', 'C4rol-Passw0rd'
REFUSED = (smb2.LOGON_FAILURE, smb2.ACCESS_DENIED, 0xC000000D, 0xC000006E, 0xC0000072, 0xC000006A)


def test(function):
    TESTS.append(function)
    return function


class Failed(Exception):
    """What a test found wrong."""


class Try:
    """One test's view: where the server is and which address to come from."""

    def __init__(self, server, source):
        self.server, self.source = server, source
        self.kind = server.kind
        self.clients = []

    def client(self, server=None, **options):
        s = server or self.server
        c = smb2.Client(s.host, s.port, self.source, **options)
        self.clients.append(c)
        status = c.negotiate()
        if status != smb2.SUCCESS:
            raise Failed('NEGOTIATE: 0x%08x' % status)
        return c

    def close(self):
        for c in self.clients:
            c.close()

    def logon(self, client, user, password, raw=False, list_mic='good', domain='', **knobs):
        """Both legs. Returns (status of the last one, the AUTHENTICATE that was made)."""
        negotiate = ntlm.negotiate_message()
        status, token, _ = client.session_setup(negotiate if raw else spnego.init(negotiate))
        if status != smb2.MORE_PROCESSING_REQUIRED:
            return status, None
        challenge = ntlm.Challenge(spnego.ntlm_in(token))
        made = ntlm.Authenticate(negotiate, challenge, user, password, domain, **knobs)
        if raw:
            last = made.raw
        else:
            mic = made.signature(spnego.mech_list())
            if list_mic == 'wrong':
                mic = mic[:4] + bytes(b ^ 1 for b in mic[4:12]) + mic[12:]
            last = spnego.response(made.raw, None if list_mic == 'left out' else mic)
        made.token = last
        status, _, answer = client.session_setup(last, client.session_id)
        if status == smb2.SUCCESS:
            client.derive(made.session_key)
            if not client.session_flags & 3 and not client.signed_well(answer) and client.dialect == 0x0311:
                raise Failed('the last SESSION_SETUP response is not signed with the key of the session')
        return status, made

    def good_session(self, server=None, **options):
        c = self.client(server, **options)
        status, made = self.logon(c, USER, PASSWORD)
        if status != smb2.SUCCESS:
            raise Failed('the right password: 0x%08x' % status)
        return c, made

    def refused(self, client, status, what):
        """The logon got an error, and no session is there afterwards."""
        if status not in REFUSED:
            raise Failed('%s: 0x%08x' % (what, status))
        try:
            after, _ = client.tree_connect('data', sign=False)
        except smb2.Closed:
            return
        if after not in (smb2.USER_SESSION_DELETED, smb2.ACCESS_DENIED):
            raise Failed('%s: a tree connect after it got 0x%08x' % (what, after))

    def expect(self, got, wanted, what):
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        if got not in wanted:
            raise Failed('%s: 0x%08x, expected %s' % (what, got, ' or '.join('0x%08x' % w for w in wanted)))


@test
def right_password_is_let_in(t):
    """So that the refusals below mean something."""
    for options in ({}, {'signing': (smb2.HMAC_SHA256,)}, {'signing': (smb2.AES_GMAC,)}, {'dialects': (0x0202,)},
                    {'dialects': (0x0210,)}, {'dialects': (0x0300,)}, {'dialects': (0x0302,)}):
        c, _ = t.good_session(**options)
        status, tree = c.tree_connect('data')
        t.expect(status, smb2.SUCCESS, 'TREE_CONNECT with %s' % options)
        t.expect(c.create(tree, 'file')[0], smb2.SUCCESS, 'CREATE with %s' % options)
        t.expect(c.echo(), smb2.SUCCESS, 'ECHO')
    c = t.client()
    t.expect(t.logon(c, USER, PASSWORD, raw=True)[0], smb2.SUCCESS, 'NTLM without SPNEGO')


@test
def wrong_password(t):
    for raw in (False, True):
        c = t.client()
        t.refused(c, t.logon(c, USER, 'wrong', raw=raw)[0], 'a wrong password')
    c = t.client()
    t.refused(c, t.logon(c, USER, '')[0], 'an empty password')
    c = t.client()
    t.refused(c, t.logon(c, 'nobody-here', PASSWORD)[0], 'an unknown user')


@test
def wrong_password_without_mic(t):
    for raw in (False, True):
        for mic in ('left out', 'zero', 'wrong'):
            c = t.client()
            status, _ = t.logon(c, USER, 'wrong', raw=raw, mic=mic, list_mic='left out')
            t.refused(c, status, 'a wrong password, MIC %s, raw %s' % (mic, raw))


@test
def right_password_with_a_bad_mic(t):
    """The client announced a MIC in the part that its response protects: then it must be there and right."""
    for raw in (False, True):
        for mic in ('zero', 'wrong'):
            c = t.client()
            status, _ = t.logon(c, USER, PASSWORD, raw=raw, mic=mic)
            t.refused(c, status, 'the right password, MIC %s, raw %s' % (mic, raw))


@test
def right_password_without_mic_where_one_is_demanded(t):
    if t.kind != 'freehold':
        return
    with servers.make(t.kind, settings='[security.ntlm]\nrequire_mic = true\n') as own:
        own.start()
        own.add_user(USER, PASSWORD)
        own.add_share('data')
        for raw in (False, True):
            c = t.client(own)
            t.refused(c, t.logon(c, USER, PASSWORD, raw=raw, mic='left out')[0], 'no MIC announced, raw %s' % raw)
        t.good_session(own)


@test
def wrong_mech_list_mic(t):
    c = t.client()
    t.refused(c, t.logon(c, USER, PASSWORD, list_mic='wrong')[0], 'a wrong mechListMIC')


@test
def ntlm_version_1(t):
    for response in ('v1', 'v1 with session security'):
        for password in (PASSWORD, 'wrong'):
            for raw in (False, True):
                c = t.client()
                status, _ = t.logon(c, USER, password, raw=raw, response=response, mic='left out', list_mic='left out')
                t.refused(c, status, 'NTLM %s with the password %s' % (response, password))


@test
def empty_user(t):
    if t.kind == 'samba':      # lets anonymous sessions in by default
        return
    for response, password in (('none', ''), ('v2', ''), ('v2', PASSWORD)):
        for raw in (False, True):
            c = t.client()
            status, _ = t.logon(c, '', password, raw=raw, response=response, mic='left out', list_mic='left out')
            t.refused(c, status, 'an empty user, response %s' % response)


@test
def guest(t):
    for user in ('/guest', 'guest', 'Guest', '\\guest', 'guest@', '/'):
        for password in ('', 'anything'):
            for raw in (False, True):
                c = t.client()
                t.refused(c, t.logon(c, user, password, raw=raw)[0], 'the user %r' % user)


@test
def replayed_authenticate(t):
    """The bytes of a logon that worked, against another challenge."""
    for raw in (False, True):
        first = t.client()
        status, made = t.logon(first, USER, PASSWORD, raw=raw)
        t.expect(status, smb2.SUCCESS, 'the logon to replay')
        second = t.client()
        negotiate = ntlm.negotiate_message()
        status, _, _ = second.session_setup(negotiate if raw else spnego.init(negotiate))
        t.expect(status, smb2.MORE_PROCESSING_REQUIRED, 'the first leg')
        status, _, _ = second.session_setup(made.token, second.session_id)
        t.refused(second, status, 'the replay on another connection, raw %s' % raw)
        # without a first leg
        third = t.client()
        status, _, _ = third.session_setup(made.token)
        t.refused(third, status, 'the replay alone, raw %s' % raw)


@test
def a_session_half_made_is_none(t):
    c = t.client()
    status, _, _ = c.session_setup(spnego.init(ntlm.negotiate_message()))
    t.expect(status, smb2.MORE_PROCESSING_REQUIRED, 'the first leg')
    try:
        status, _ = c.tree_connect('data', sign=False)
    except smb2.Closed:
        return
    if not status & 0x80000000:
        raise Failed('TREE_CONNECT between the legs: 0x%08x' % status)


@test
def no_session_at_all(t):
    c = t.client()
    try:
        status, _ = c.tree_connect('data', sign=False, session_id=0)
    except smb2.Closed:
        return
    t.expect(status, (smb2.USER_SESSION_DELETED, smb2.ACCESS_DENIED), 'TREE_CONNECT without a session')


def stripped(t, options):
    for sign, what in ((False, 'without a signature'), ('wrong', 'with a wrong signature')):
        c, _ = t.good_session(**options)
        status, tree = c.tree_connect('data')
        t.expect(status, smb2.SUCCESS, 'TREE_CONNECT')
        try:
            status, _ = c.create(tree, 'stolen', sign=sign)
        except smb2.Closed:
            continue
        t.expect(status, smb2.ACCESS_DENIED, 'CREATE %s' % what)
    for sign in (False, 'wrong'):
        c, _ = t.good_session(**options)
        try:
            status, _ = c.tree_connect('data', sign=sign)
        except smb2.Closed:
            continue
        t.expect(status, smb2.ACCESS_DENIED, 'TREE_CONNECT, signature %s' % sign)


@test
def stripped_signature(t):
    settings = 'server signing = mandatory' if t.kind == 'samba' else None
    with servers.make(t.kind, settings=settings) as own:      # the default of Freehold is to demand signing
        own.start()
        own.add_user(USER, PASSWORD)
        own.add_share('data')
        for options in ({'server': own}, {'server': own, 'signing': (smb2.AES_GMAC,)}, {'server': own, 'dialects': (0x0210,)},
                        {'server': own, 'dialects': (0x0202,)}, {'server': own, 'dialects': (0x0300,)}):
            stripped(t, options)


@test
def signature_of_another_message(t):
    """A message that was signed, with one byte of its body changed."""
    c, _ = t.good_session()
    status, tree = c.tree_connect('data')
    t.expect(status, smb2.SUCCESS, 'TREE_CONNECT')
    path = 'victim'.encode('utf-16-le')
    body = struct.pack('<HBBIQQIIIIIHHII', 57, 0, 0, 2, 0, 0, 0x001F01FF, 0x80, 7, 3, 0x40, 64 + 56, len(path), 0, 0) + path
    data = c.message(smb2.CREATE, body, tree_id=tree)
    data = data[:-2] + b'X\0'
    try:
        status, _ = c.exchange(data)
    except smb2.Closed:
        return
    t.expect(status, smb2.ACCESS_DENIED, 'a changed CREATE')


@test
def clear_traffic_where_a_share_demands_encryption(t):
    """A clear TREE_CONNECT tells a client that it has to encrypt ([MS-SMB2] 3.3.5.7); nothing further goes in clear."""
    c, _ = t.good_session(ciphers=(smb2.AES_128_GCM,))
    status, tree = c.tree_connect('sealed')
    t.expect(status, (smb2.SUCCESS, smb2.ACCESS_DENIED), 'a clear TREE_CONNECT')
    if status == smb2.SUCCESS:
        try:
            status, _ = c.create(tree, 'clear')
        except smb2.Closed:
            status = smb2.ACCESS_DENIED
        t.expect(status, smb2.ACCESS_DENIED, 'a clear CREATE')
    c, _ = t.good_session(ciphers=(smb2.AES_128_GCM,))
    status, tree = c.tree_connect('sealed', encrypt=True, sign=False)
    t.expect(status, smb2.SUCCESS, 'an encrypted TREE_CONNECT')
    t.expect(c.create(tree, 'file', encrypt=True, sign=False)[0], smb2.SUCCESS, 'an encrypted CREATE')
    try:
        status, _ = c.create(tree, 'clear')
    except smb2.Closed:
        return
    t.expect(status, smb2.ACCESS_DENIED, 'a clear CREATE on that tree')
    c, _ = t.good_session(dialects=(0x0210,))
    t.expect(c.tree_connect('sealed')[0], smb2.ACCESS_DENIED, 'TREE_CONNECT from a client that cannot encrypt')


@test
def clear_traffic_where_the_server_demands_encryption(t):
    settings = {'samba': 'server smb encrypt = required', 'freehold': '[security]\nencryption = "required"\n'}[t.kind]
    with servers.make(t.kind, settings=settings) as own:
        own.start()
        own.add_user(USER, PASSWORD)
        own.add_share('data')
        c, _ = t.good_session(own, ciphers=(smb2.AES_128_GCM,))
        if not c.session_flags & smb2.SESSION_ENCRYPT:
            raise Failed('the session is not marked as encrypted')
        t.expect(c.tree_connect('data', encrypt=True, sign=False)[0], smb2.SUCCESS, 'an encrypted TREE_CONNECT')
        try:
            t.expect(c.tree_connect('data')[0], smb2.ACCESS_DENIED, 'a clear TREE_CONNECT')
        except smb2.Closed:
            pass
        for options in ({}, {'dialects': (0x0210,)}):      # no cipher offered; a dialect without encryption
            try:
                c = t.client(own, **options)
                status, _ = t.logon(c, USER, PASSWORD)
                if status == smb2.SUCCESS:
                    status, _ = c.tree_connect('data')
            except smb2.Closed:
                continue
            t.expect(status, smb2.ACCESS_DENIED, 'a client that cannot encrypt (%s)' % options)


@test
def tenth_failure_in_a_row_waits(t):
    """From one address; another address is not kept waiting, and a good logon is never delayed for long."""
    if t.kind != 'freehold':
        return
    # three times the default: what a busy machine takes for a logon is far from it
    wait = 6
    with servers.make(t.kind, settings='[limits]\nlogon_wait_seconds = %d\n' % wait) as own:
        own.start()
        own.add_user(USER, PASSWORD)
        own.add_share('data')
        taken = []
        for i in range(11):
            c = t.client(own)
            begin = time.monotonic()
            t.refused(c, t.logon(c, USER, 'wrong')[0], 'failure %d' % (i + 1))
            taken.append(time.monotonic() - begin)
        if max(taken[:9]) > 0.75 * wait:
            raise Failed('one of the first nine failures waited: %s' % ['%.1f' % s for s in taken])
        if min(taken[9:]) < 0.75 * wait:
            raise Failed('the tenth failure or the one after it did not wait: %s' % ['%.1f' % s for s in taken])
        other = Try(own, '127.0.9.9')
        begin = time.monotonic()
        c = other.client()
        other.refused(c, other.logon(c, USER, 'wrong')[0], 'a failure from another address')
        seconds = time.monotonic() - begin
        other.close()
        if seconds > 0.75 * wait:
            raise Failed('a failure from another address waited %.1f s' % seconds)
        t.good_session(own)      # and after a good one the count begins anew
        begin = time.monotonic()
        c = t.client(own)
        t.refused(c, t.logon(c, USER, 'wrong')[0], 'the first failure after a good logon')
        if time.monotonic() - begin > 0.75 * wait:
            raise Failed('the first failure after a good logon waited')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('names', nargs='*', help='beginnings of test names')
    ap.add_argument('--server', choices=('freehold', 'samba'), default='freehold')
    ap.add_argument('--keep', action='store_true', help="keep the server's folder")
    options = ap.parse_args()
    chosen = [f for f in TESTS if not options.names or any(f.__name__.startswith(n) for n in options.names)]
    if not chosen:
        sys.exit('no test matches')
    passed = failed = 0
    with servers.make(options.server, keep=options.keep) as server:
        server.start()
        server.add_user(USER, PASSWORD)
        server.add_share('data')
        server.add_share('sealed', encrypt=True)
        for number, function in enumerate(chosen):
            t = Try(server, '127.0.1.%d' % (number + 1))
            why = None
            try:
                function(t)
            except Failed as e:
                why = str(e)
            except Exception:      # a test that breaks is a test that fails
                why = traceback.format_exc()
            t.close()
            passed, failed = passed + (why is None), failed + (why is not None)
            print('%s logons.%s%s' % ('ok  ' if why is None else 'FAIL', function.__name__,
                                      '' if why is None else '\n    ' + why.strip().replace('\n', '\n    ')), flush=True)
        if not server.alive():
            failed += 1
            print('FAIL the server was no longer running at the end:\n%s' % server.tail(server.log))
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
