"""What an administrator does: configuration, accounts and shares while the server runs, signals, the demo."""
import json
import signal
import sqlite3
import subprocess
import time

from rig import server as servers
from rig.harness import Failed, case

MINIMAL = '[server]\nlisten = ["127.0.0.1:{port}"]\nstate_dir = "state"\n[volumes.data]\npath = "volume"\n'


def freehold(t, *words, stdin=None, ok=True, timeout=60, cwd=None):
    return t.run(servers.freehold_binary(), *words, stdin=stdin.encode() if stdin is not None else None, ok=ok,
                 timeout=timeout, cwd=cwd)


@case(freehold_only=True)
def mistakes_are_named_with_line_and_column(t):
    (t.folder / 'volume').mkdir()
    good = MINIMAL.format(port=servers.free_port())
    path = t.folder / 'freehold.toml'
    path.write_text(good)
    freehold(t, 'check', '--config', path)
    for text, place, words in (
            (good + 'pth = "x"\n', '6:1', ('pth',)),
            (good.replace('"state"', '7'), '3:13', ('state_dir',)),
            (good.replace('127.0.0.1', 'not-an-address'), '2:11', ('listen', 'not-an-address')),
            (good + '[security]\nencryption = "yes"\n', '7:14', ('encryption', 'desired', 'required')),
            (good.replace('"volume"', '"missing"'), '5:8', ('missing',)),
            (good + '[limits]\nmax_read_bytes = "1GB"\n', '7:18', ('max_read_bytes',)),
            (good + 'broken [\n', '6:', ()),
            ('', '', ('volume',))):
        path.write_text(text)
        for verb in ('check', 'serve'):
            out = freehold(t, verb, '--config', path, ok=False, timeout=20).stdout
            t.contains(out, place, *words)
            t.true('panicked' not in out, out)
    path.unlink()
    t.contains(freehold(t, 'check', '--config', path, ok=False).stdout, 'freehold.toml')
    path.write_bytes(b'\xff\xfe\0')
    freehold(t, 'check', '--config', path, ok=False)


@case(freehold_only=True)
def an_address_in_use_is_named(t):
    s = t.own_server()
    (t.folder / 'volume').mkdir()
    path = t.folder / 'freehold.toml'
    path.write_text(MINIMAL.format(port=s.port))
    out = freehold(t, 'serve', '--config', path, ok=False, timeout=20).stdout
    t.contains(out, '127.0.0.1:%d' % s.port)


@case(freehold_only=True)
def a_second_server_on_the_same_state_is_refused(t):
    s = t.own_server()
    text = s.config.read_text().replace(str(s.port), str(servers.free_port()))
    (s.folder / 'second.toml').write_text(text)
    out = freehold(t, 'serve', '--config', s.folder / 'second.toml', ok=False, timeout=20).stdout
    t.contains(out, 'in use')
    t.true(s.alive(), 'the first server ended')


@case(freehold_only=True)
def a_database_of_a_newer_version_is_refused(t):
    s = t.own_server()
    s.stop()
    with sqlite3.connect(s.state / 'state.db') as db:
        version = db.execute('pragma user_version').fetchone()[0]
        db.execute('pragma user_version = 4711')
    db.close()
    out = freehold(t, 'serve', '--config', s.config, ok=False, timeout=20).stdout
    t.contains(out, '4711')
    with sqlite3.connect(s.state / 'state.db') as db:
        t.equal(db.execute('pragma user_version').fetchone()[0], 4711, 'version after the refusal')
        db.execute('pragma user_version = %d' % version)
    db.close()
    s.start()


@case(freehold_only=True)
def accounts_change_while_the_server_runs(t):
    s = t.own_server()
    share = t.share(server=s)
    s.run('user', 'add', 'dora', '--password-stdin', stdin='D0ra-Passw0rd\n')
    t.smbclient(share, ['ls'], server=s, user='dora%D0ra-Passw0rd')
    t.smbclient(share, ['ls'], server=s, user='DORA%D0ra-Passw0rd')
    s.run('user', 'passwd', 'dora', '--password-stdin', stdin='N3w-Passw0rd\n')
    t.contains(t.smbclient(share, ['ls'], server=s, user='dora%D0ra-Passw0rd', ok=None), 'NT_STATUS_LOGON_FAILURE')
    t.smbclient(share, ['ls'], server=s, user='dora%N3w-Passw0rd')
    s.run('user', 'disable', 'dora')
    t.contains(t.smbclient(share, ['ls'], server=s, user='dora%N3w-Passw0rd', ok=None), 'NT_STATUS_ACCOUNT_DISABLED')
    t.contains(t.smbclient(share, ['ls'], server=s, user='dora%wrong', ok=None), 'NT_STATUS_LOGON_FAILURE')
    s.run('user', 'enable', 'dora')
    t.smbclient(share, ['ls'], server=s, user='dora%N3w-Passw0rd')
    listed = {u['Name']: u for u in json.loads(s.run('user', 'list', '-o', 'json').stdout)}
    t.true({'admin', 'alice', 'dora'} <= set(listed), 'listed: %s' % sorted(listed))
    t.equal(listed['admin']['Administrator'], True, 'admin is an administrator')
    t.equal(listed['dora']['Administrator'], False, 'dora is an administrator')
    s.run('user', 'remove', 'dora', '--force')
    t.contains(t.smbclient(share, ['ls'], server=s, user='dora%N3w-Passw0rd', ok=None), 'NT_STATUS_LOGON_FAILURE')
    t.true('dora' not in s.run('user', 'list').stdout, 'dora is still listed')
    for words in (('user', 'add', 'alice', '--generate-password'), ('user', 'remove', 'nobody', '--force'),
                  ('user', 'disable', 'nobody')):
        done = s.run(*words, check=False)
        t.equal(done.returncode, 1, 'status of %s' % ' '.join(words))
        t.true(done.stderr.strip() != '', 'no reason on stderr for %s' % ' '.join(words))
    done = s.run('user', 'frobnicate', check=False)
    t.equal(done.returncode, 2, 'status of a wrong usage')


def session(t, s, share, commands):
    """smbclient kept open; returns (process, function that sends a line and waits for what it prints)."""
    client = subprocess.Popen(['smbclient', '-s', t.conf, '-p', str(s.port), '-U', str(t.user), '//%s/%s' % (s.host, share.name)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    t.finally_(lambda: (client.kill(), client.wait()))
    for c in commands:
        client.stdin.write(c + '\n')
    client.stdin.flush()
    return client


@case(freehold_only=True)
def a_disabled_account_loses_its_sessions(t):
    s = t.own_server()
    share = t.share(server=s)
    client = session(t, s, share, ['mkdir before'])
    for _ in range(100):
        if (share.path / 'before').is_dir():
            break
        time.sleep(0.1)
    t.true((share.path / 'before').is_dir(), 'the session did not work at first')
    s.run('user', 'disable', t.user.name)
    time.sleep(0.5)
    out = client.communicate('mkdir after\nls\nquit\n', timeout=60)[0]
    t.true(not (share.path / 'after').exists(), 'a session of a disabled account still writes: %s' % out)


@case(freehold_only=True)
def shares_change_while_the_server_runs(t):
    s = t.own_server()
    keep, gone = t.share(server=s), t.share(server=s)
    client = session(t, s, gone, ['mkdir before'])
    for _ in range(100):
        if (gone.path / 'before').is_dir():
            break
        time.sleep(0.1)
    s.run('share', 'remove', gone.name, '--force')
    t.contains(t.smbclient(gone, ['ls'], server=s, ok=None), 'NT_STATUS_BAD_NETWORK_NAME')
    out = client.communicate('mkdir after\nls\nquit\n', timeout=60)[0]
    t.true(not (gone.path / 'after').exists(), 'a tree connect to a removed share still writes: %s' % out)
    t.true((gone.path / 'before').is_dir(), 'the files of the removed share are gone')
    t.smbclient(keep, ['ls'], server=s)
    out = t.samba('smbclient', '-L', '//%s' % s.host, server=s).stdout
    t.contains(out, keep.name)
    t.true(gone.name not in out, 'the removed share is still listed: %s' % out)
    listed = {row['Name']: row for row in json.loads(s.run('share', 'list', '-o', 'json').stdout)}
    t.true(keep.name in listed and gone.name not in listed, 'listed: %s' % sorted(listed))
    done = s.run('share', 'remove', keep.name, check=False)
    t.equal(done.returncode, 1, 'status of a removal that nobody confirmed')
    done = s.run('share', 'remove', keep.name, '--what-if')
    t.smbclient(keep, ['ls'], server=s)
    for words in (('share', 'add', keep.name, '--volume', 'data'), ('share', 'add', 'x', '--volume', 'no-such-volume'),
                  ('share', 'add', 'y', '--volume', 'data', '--path', '../outside')):
        t.equal(s.run(*words, check=False).returncode, 1, 'status of %s' % ' '.join(words))
    t.equal((s.folder / 'outside').exists(), False, 'a folder outside of the volume was made')
    # rights of the share itself
    s.run('share', 'set', keep.name, '--access', 'D:(A;;FR;;;WD)(A;;FA;;;BA)')
    t.contains(t.smbclient(keep, ['mkdir no'], server=s, ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.smbclient(keep, ['mkdir yes'], server=s, user=s.admin)
    s.run('share', 'set', keep.name, '--access', 'D:(A;;FA;;;BA)')
    t.contains(t.smbclient(keep, ['ls'], server=s, ok=None), 'NT_STATUS_ACCESS_DENIED')
    s.run('share', 'set', keep.name, '--access', 'D:(A;;FA;;;WD)', '--encrypt', 'true')
    t.contains(t.smbclient(keep, ['ls'], '-m', 'SMB2_10', server=s, ok=None), 'NT_STATUS_ACCESS_DENIED')
    t.smbclient(keep, ['ls'], server=s)


@case(freehold_only=True)
def what_changed_is_there_after_a_restart(t):
    s = t.own_server()
    share = t.share(server=s)
    s.run('user', 'add', 'erik', '--password-stdin', stdin='Er1k-Passw0rd\n')
    s.kill()
    s.start()
    t.smbclient(share, ['ls'], server=s, user='erik%Er1k-Passw0rd')


@case(freehold_only=True)
def commands_work_while_the_server_is_stopped(t):
    s = t.own_server()
    share = t.share(server=s)
    s.stop()
    freehold(t, 'user', 'add', 'frida', '--password-stdin', '--config', s.config, stdin='Fr1da-Passw0rd\n')
    s.start()
    t.smbclient(share, ['ls'], server=s, user='frida%Fr1da-Passw0rd')


@case(freehold_only=True)
def the_admin_socket_and_the_state_are_private(t):
    s = t.own_server()
    for path in (s.folder / 'admin.sock', s.state / 'state.db'):
        t.equal('%o' % (path.stat().st_mode & 0o777), '600', 'mode of %s' % path.name)
    t.equal('%o' % (s.state.stat().st_mode & 0o777), '700', 'mode of the state folder')
    secret = t.user.password.encode()
    for path in [s.log, *s.state.iterdir()]:
        if path.is_file():
            t.true(secret not in path.read_bytes(), 'the password is readable in %s' % path)


@case(freehold_only=True)
def sighup_keeps_serving(t):
    s = t.own_server()
    share = t.share(server=s)
    s.signal(signal.SIGHUP)
    time.sleep(0.5)
    t.true(s.alive(), 'the server ended at SIGHUP')
    t.smbclient(share, ['ls'], server=s)
    s.config.write_text('not [ valid\n')
    s.signal(signal.SIGHUP)
    time.sleep(0.5)
    t.true(s.alive(), 'the server ended at SIGHUP with a configuration that cannot be read')
    t.smbclient(share, ['ls'], server=s)


@case(freehold_only=True)
def logs_as_json(t):
    s = t.own_server(settings='[log]\nformat = "json"\n')
    t.smbclient(t.share(server=s), ['ls'], server=s)
    s.stop()
    lines = s.log.read_text().splitlines()
    t.true(len(lines) >= 1, 'nothing was logged')
    for line in lines:
        try:
            json.loads(line)
        except ValueError:
            raise Failed('not JSON: %s' % line)


@case(freehold_only=True)
def the_demo(t):
    """One JSON line when it is ready; its first share is empty and its user an administrator; a second run works too."""
    port = servers.free_port()
    for run in range(2):
        with subprocess.Popen([servers.freehold_binary(), 'demo', '-o', 'json', '--listen', '127.0.0.1:%d' % port],
                              cwd=t.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
            try:
                line = demo.stdout.readline()
                t.true(line, 'nothing was printed: %s' % (demo.stderr.read() if demo.poll() is not None else ''))
                ready = json.loads(line)
                t.equal(sorted(ready), ['Address', 'Password', 'Port', 'Shares', 'User'], 'properties')
                user = '%s%%%s' % (ready['User'], ready['Password'])
                base = ['smbclient', '-s', t.conf, '-p', ready['Port'], '-U', user]
                first = [*base, '//%s/%s' % (ready['Address'], ready['Shares'][0])]
                names = [line.split()[0] for line in t.run(*first, '-c', 'ls').stdout.splitlines() if ' D ' in line or ' A ' in line]
                t.equal(sorted(names), ['.', '..'] + ['run%d' % n for n in range(run)], 'names in the first share')
                t.run(*first, '-c', 'mkdir run%d' % run)
                listed = t.run(*base, '-L', ready['Address']).stdout
                t.contains(listed, *ready['Shares'])
                # only an administrator sees where a share is
                t.run('rpcclient', '-s', t.conf, '-p', ready['Port'], '-U', user, '-c', 'netshareenumall 502', ready['Address'])
            finally:
                demo.terminate()
                demo.wait(20)
            t.equal(demo.returncode, 0, 'status after SIGTERM')
    with subprocess.Popen([servers.freehold_binary(), 'demo', '--listen', '127.0.0.1:%d' % port], cwd=t.folder,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as demo:
        text = ''
        while 'Ctrl-C' not in text:
            line = demo.stdout.readline()
            t.true(line, 'ended early: %s' % text)
            text += line
        # the line for smbclient works as it is printed
        line = next(x for x in text.splitlines() if x.strip().startswith('smbclient //'))
        t.run('bash', '-c', line + ' -c ls')
        demo.send_signal(signal.SIGINT)
        t.equal(demo.wait(20), 0, 'status after Ctrl-C')
