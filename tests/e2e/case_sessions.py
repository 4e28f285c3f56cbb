"""Who is connected and what is open: listed and ended by an administrator, as real clients see it."""
import json
import pathlib
import subprocess
import threading
import time

from rig import server as servers
from rig.harness import Failed, case

FILE_CLOSED = 0xC0000128
USER_SESSION_DELETED = 0xC0000203
NETWORK_NAME_DELETED = 0xC00000C9
REQUEST_NOT_ACCEPTED = 0xC00000D0
ACCESS_DENIED = 0xC0000022


class Peer:
    """A client that keeps its session: peer_session.py."""

    def __init__(self, t, server, share, user=None):
        user = user or t.user
        python = servers.TARGET / 'peers' / 'venv' / 'bin' / 'python'
        if not python.exists():
            raise Failed('%s is missing: tests/install-peers installs it' % python)
        script = pathlib.Path(__file__).with_name('peer_session.py')
        self.process = subprocess.Popen(
            [str(python), str(script), server.host, str(server.port), share.name, user.name, user.password],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        t.finally_(self.end)
        self.connected = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed('the client ended')
        return int(line)

    def do(self, command):
        self.process.stdin.write(command + '\n')
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def rows(server, *words):
    return json.loads(server.run(*words, '-o', 'json').stdout)


def wait_for(t, what, look):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise Failed('%s did not come about' % what)


@case(freehold_only=True)
def an_open_file_is_listed_and_closed(t):
    s = t.own_server()
    share = t.share(server=s)
    peer = Peer(t, s, share)
    t.equal([peer.do('open held.txt'), peer.do('lock')], [0, 0], 'open and lock')
    session = rows(s, 'session', 'list')
    t.equal(len(session), 1, 'sessions')
    session = session[0]
    t.equal((session['ClientUserName'], session['ClientComputerName'], session['NumOpens'], session['Dialect']),
            ('%s\\%s' % (s.name, t.user.name), '127.0.0.1', 1, '3.1.1'), 'the session')
    t.true(session['SecondsExists'] < 60 and session['SecondsIdle'] <= session['SecondsExists'] and session['Signed'],
           'the session: %s' % session)
    found = rows(s, 'openfile', 'list', '--share', share.name.upper())
    t.equal(len(found), 1, 'open files')
    t.equal({k: found[0][k] for k in ('SessionId', 'ShareRelativePath', 'Path', 'ShareName', 'Locks', 'ClientUserName')},
            {'SessionId': session['SessionId'], 'ShareRelativePath': 'held.txt', 'Path': str(share.path / 'held.txt'),
             'ShareName': share.name, 'Locks': 1, 'ClientUserName': session['ClientUserName']}, 'the open file')
    t.contains(t.smbclient(share, ['rm held.txt'], server=s, ok=None), 'NT_STATUS_SHARING_VIOLATION')
    file_id = str(found[0]['FileId'])
    t.contains(s.run('openfile', 'close', file_id, '--what-if').stdout, 'What if: %s' % (share.path / 'held.txt'))
    done = s.run('openfile', 'close', file_id, check=False)
    t.true(done.returncode == 1 and '--force' in done.stderr, 'closing without a confirmation: %s' % done)
    t.equal(len(rows(s, 'openfile', 'list', file_id)), 1, 'open files after what-if')
    s.run('openfile', 'close', file_id, '--force')
    t.equal(rows(s, 'openfile', 'list', '--path', '%s/held.txt' % share.name), [], 'open files after close')
    t.equal(peer.do('write'), FILE_CLOSED, "the client's next write")
    t.smbclient(share, ['rm held.txt'], server=s)
    t.equal(peer.do('open held.txt'), 0, 'the session goes on')
    done = s.run('openfile', 'close', file_id, '--force', check=False)
    t.true(done.returncode == 1 and 'no such open file' in done.stderr, 'closing it again: %s' % done)


@case(freehold_only=True)
def a_session_is_listed_and_ended(t):
    s = t.own_server()
    share = t.share(server=s)
    bob = s.add_user('bob', 'B0b-Passw0rd')
    mine, bobs = Peer(t, s, share), Peer(t, s, share, bob)
    t.equal([mine.do('open a.txt'), bobs.do('open b.txt')], [0, 0], 'opens')
    t.equal(sorted(r['ClientUserName'].split('\\')[1] for r in rows(s, 'session', 'list')), sorted([bob.name, t.user.name]),
            'users')
    t.equal([r['ShareRelativePath'] for r in rows(s, 'openfile', 'list', '--user', 'BOB')], ['b.txt'], "bob's files")
    done = s.run('session', 'close', check=False)
    t.equal(done.returncode, 2, 'closing nothing in particular')
    t.contains(s.run('session', 'close', '--user', 'bob', '--what-if').stdout, 'What if', 'bob')
    t.equal(len(rows(s, 'session', 'list')), 2, 'sessions after what-if')
    s.run('session', 'close', '--user', 'bob', '--force')
    t.equal([r['ClientUserName'].split('\\')[1] for r in rows(s, 'session', 'list')], [t.user.name], 'users after close')
    t.equal(bobs.do('write'), USER_SESSION_DELETED, "bob's next write")
    t.equal(mine.do('write'), 0, 'the other session goes on')
    t.smbclient(share, ['rm b.txt'], server=s)
    t.true(not (share.path / 'b.txt').exists(), 'bob holds his file no more')


@case(freehold_only=True)
def smbclient_is_listed_and_ended(t):
    """An interactive smbclient: the program sees that its file is closed, then that its session is gone."""
    s = t.own_server()
    share = t.share(server=s)
    t.smbclient(share, ['put /etc/hostname x.txt'], server=s)
    client = subprocess.Popen(['smbclient', '-s', str(t.conf), '-p', str(s.port), '-U', str(t.user),
                               '//%s/%s' % (s.host, share.name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    t.finally_(lambda: (client.kill(), client.wait(), client.stdin.close(), client.stdout.close()))
    client.stdin.write('open x.txt\n')
    client.stdin.flush()
    found = wait_for(t, "smbclient's open file",
                     lambda: [r for r in rows(s, 'openfile', 'list') if r['ShareRelativePath'] == 'x.txt'])
    session = str(found[0]['SessionId'])
    t.equal(rows(s, 'session', 'list', session)[0]['ClientUserName'], '%s\\%s' % (s.name, t.user.name), "smbclient's session")
    s.run('openfile', 'close', str(found[0]['FileId']), '--force')
    client.stdin.write('close 1\n')
    client.stdin.flush()

    def gone_on():
        # asked again and again: smbclient looks at one line of what has come at a time
        client.stdin.write('mkdir closed\n')
        client.stdin.flush()
        return (share.path / 'closed').is_dir()
    wait_for(t, 'what smbclient does after its close', gone_on)
    s.run('session', 'close', session, '--force')
    client.stdin.write('ls\nquit\n')
    client.stdin.flush()
    output = client.communicate(timeout=30)[0]
    t.contains(output, 'NT_STATUS_FILE_CLOSED')
    t.true('NT_STATUS_USER_SESSION_DELETED' in output or 'NT_STATUS_CONNECTION' in output,
           'what smbclient said: %s' % output)


@case(freehold_only=True)
def the_kernels_mount_is_listed_and_logs_on_anew(t):
    """A kernel mount with a file open: listed, its session ended under it; it logs on anew and goes on."""
    s = t.own_server()
    share = t.share(server=s)
    out = {}

    def mounted():
        try:
            out['text'] = t.kernel(share, 'exec 9>held.txt; echo one >&9; sync -f .; touch ready; '
                                          'while [ ! -e go ]; do sleep 0.3; done; cat ready; echo two > after.txt; '
                                          'rm held.txt; cat after.txt; echo survived', server=s)
        except Failed as e:
            out['error'] = str(e)

    thread = threading.Thread(target=mounted)
    thread.start()
    try:
        wait_for(t, 'the mount', lambda: (share.path / 'ready').exists() or 'error' in out)
        opened = wait_for(t, "the mount's open file", lambda: [
            r for r in rows(s, 'openfile', 'list') if r['ShareRelativePath'] == 'held.txt'] or 'error' in out)
        t.true('error' not in out, out.get('error'))
        before = opened[0]['SessionId']
        s.run('session', 'close', str(before), '--force')
        t.equal([r for r in rows(s, 'session', 'list') if r['SessionId'] == before], [], 'the ended session')
    finally:
        (share.path / 'go').write_text('')
        thread.join(timeout=420)
    t.true('error' not in out, out.get('error'))
    t.contains(out.get('text', ''), 'two', 'survived')
    t.true(not (share.path / 'held.txt').exists() and (share.path / 'after.txt').read_text() == 'two\n', 'the files')


@case(freehold_only=True)
def the_next_user_of_a_full_share_is_refused(t):
    s = t.own_server()
    share = t.share(server=s, options=('--max-users', '1'))
    first = Peer(t, s, share)
    t.equal(first.connected, 0, 'the first user')
    t.equal([(r['ConcurrentUserLimit'], r['CurrentUsers']) for r in rows(s, 'share', 'list') if r['Name'] == share.name],
            [(1, 1)], 'limit and users')
    second = Peer(t, s, share)
    t.equal(second.connected, REQUEST_NOT_ACCEPTED, 'the next user')
    s.run('session', 'close', str(rows(s, 'session', 'list')[0]['SessionId']), '--force')
    t.equal(second.do('connect'), 0, 'the next user, when the first is gone')
    s.run('share', 'set', share.name, '--max-users', '0')
    t.equal(Peer(t, s, share).connected, 0, 'without a limit')


@case(freehold_only=True)
def block_beats_grant(t):
    s = t.own_server()
    share = t.share(server=s)
    s.run('share', 'set', share.name, '--full-access', 'Administrators')
    t.equal(Peer(t, s, share).connected, ACCESS_DENIED, 'without a right')
    s.run('share', 'grant', share.name, t.user.name, 'change')
    t.equal(Peer(t, s, share).connected, 0, 'granted')
    s.run('share', 'block', share.name, 'Users')
    t.equal(Peer(t, s, share).connected, ACCESS_DENIED, 'granted, and blocked through a group')
    s.run('share', 'grant', share.name, t.user.name, 'full')
    t.equal(Peer(t, s, share).connected, ACCESS_DENIED, 'granted again')
    access = {(r['AccountName'].split('\\')[-1], r['AccessControlType'], r['AccessRight'])
              for r in rows(s, 'share', 'access', share.name)}
    t.equal(access, {('Users', 'Deny', 'Full'), ('Administrators', 'Allow', 'Full'), (t.user.name, 'Allow', 'Full')},
            'who may connect')
    s.run('share', 'unblock', share.name, 'Users')
    t.equal(Peer(t, s, share).connected, 0, 'unblocked')
    s.run('share', 'revoke', share.name, t.user.name)
    t.equal(Peer(t, s, share).connected, ACCESS_DENIED, 'revoked')


@case(freehold_only=True)
def new_sessions_are_encrypted_when_the_administrator_says_so(t):
    s = t.own_server()
    share = t.share(server=s)
    before = Peer(t, s, share)
    t.equal(rows(s, 'server', 'show')['EncryptData'], False, 'EncryptData at first')
    s.run('server', 'set', '--encrypt-data', 'true', '--what-if')
    t.equal(rows(s, 'server', 'show')['EncryptData'], False, 'EncryptData after what-if')
    s.run('server', 'set', '--encrypt-data', 'true')
    t.equal(before.do('open a.txt'), 0, 'a session from before')
    after = Peer(t, s, share)
    t.equal((after.connected, after.do('open b.txt')), (0, 0), 'a new session')
    t.equal(sorted(r['Encrypted'] for r in rows(s, 'session', 'list')), [False, True], 'encrypted sessions')
    out = t.smbclient(share, ['ls'], '-m', 'SMB2_10', server=s, ok=None)
    t.contains(out, 'NT_STATUS_ACCESS_DENIED')
    s.run('server', 'set', '--reject-unencrypted-access', 'false')
    t.smbclient(share, ['ls'], '-m', 'SMB2_10', server=s)
    s.stop()
    s.start()
    shown = rows(s, 'server', 'show')
    t.equal((shown['EncryptData'], shown['RejectUnencryptedAccess'], shown['Overridden']),
            (True, False, ['EncryptData', 'RejectUnencryptedAccess']), 'after a restart')
    s.run('server', 'reset')
    shown = rows(s, 'server', 'show')
    t.equal((shown['EncryptData'], shown['RejectUnencryptedAccess'], shown['Overridden']), (False, True, []), 'after reset')
