"""The pipes of IPC$ as Samba's tools use them."""
import json

from rig.harness import case


@case()
def net_rpc_share(t):
    share = t.share()
    out = t.samba('net', 'rpc', 'share', 'list', '-S', t.server.host).stdout
    t.contains(out, share.name, 'IPC$')


@case()
def rpcclient_share_calls(t):
    share = t.share()
    out = t.samba('rpcclient', t.server.host, '-c', 'netshareenum 1').stdout
    t.contains(out, 'netname: %s' % share.name)
    out = t.samba('rpcclient', t.server.host, '-c', 'netshareenumall 1').stdout
    t.contains(out, 'netname: %s' % share.name, 'netname: IPC$')
    t.contains(t.samba('rpcclient', t.server.host, '-c', 'netsharegetinfo %s 1' % share.name).stdout, share.name)
    out = t.samba('rpcclient', t.server.host, '-c', 'netsharegetinfo no-such-share 1', ok=None).stdout
    t.true('WERR_NERR_NETNAMENOTFOUND' in out or 'WERR_INVALID_NAME' in out, out)


@case()
def rpcclient_server_calls(t):
    t.contains(t.samba('rpcclient', t.server.host, '-c', 'srvinfo').stdout, 'platform_id', '500')
    t.samba('rpcclient', t.server.host, '-c', 'netremotetod')


@case()
def rpcclient_names_and_sids(t):
    """lsarpc: what the Security tab and smbcacls ask."""
    out = t.samba('rpcclient', t.server.host, '-c', 'lookupnames %s' % t.user.name).stdout
    t.contains(out, 'S-1-5-21-')
    sid = out.split()[1]
    t.contains(t.samba('rpcclient', t.server.host, '-c', 'lookupsids %s' % sid).stdout, t.user.name)
    t.contains(t.samba('rpcclient', t.server.host, '-c', 'lookupsids S-1-1-0').stdout, 'Everyone')
    t.contains(t.samba('rpcclient', t.server.host, '-c', 'lookupsids S-1-5-32-544').stdout, 'Administrators')
    t.contains(t.samba('rpcclient', t.server.host, '-c', 'getusername').stdout, t.user.name)


@case()
def pipes_that_do_not_exist(t):
    """An interface nobody serves is an error and not a hang."""
    done = t.samba('rpcclient', t.server.host, '-c', 'fss_is_path_sup x', ok=None, timeout=60)
    t.true(done.returncode != 0, done.stdout)


@case()
def pipes_over_an_encrypted_session(t):
    out = t.samba('rpcclient', t.server.host, '--client-protection=encrypt', '-c', 'netshareenumall 1').stdout
    t.contains(out, 'netname: IPC$')


# --- srvsvc and wkssvc: what the tools ask, and what they change ----------------------------------------------------

def rpc(t, *commands, user=None, ok=True, binding='', server=None):
    """rpcclient with these commands, by the server's administrator unless somebody else is named."""
    s = server or t.server
    return t.samba('rpcclient', binding or s.host, '-c', ';'.join(commands), user=user or s.admin, server=server,
                   ok=ok).stdout


@case(freehold_only=True)
def rpcclient_table_of_srvsvc(t):
    """Every command that rpcclient has for srvsvc, with what it must print."""
    share = t.share()
    for command, wanted in [
            ('srvinfo', 'platform_id'),
            ('netshareenum 2', 'C:\\data'),
            ('netshareenum 502', 'path'),
            ('netshareenumall 1', 'IPC$'),
            ('netsharegetinfo %s 2' % share.name, 'C:\\data'),
            ('netsharegetinfo %s 502' % share.name, 'DACL'),
            ('netfileenum 3', 'PIPE'),
            ('netremotetod', ''),
            ('netnamevalidate %s 9' % share.name, ''),
            ('netdiskenum', ''),
            ('netconnenum IPC$', ''),
            ('netsessenum', 'Received'),
            ('netfilegetsec %s /' % share.name, 'DACL'),
    ]:
        out = rpc(t, command)
        t.contains(out, wanted)
        t.true('result was' not in out and 'NT_STATUS' not in out, '%s: %s' % (command, out))
    for command, wanted in [
            ('netsharegetinfo no-such-share 1', 'NETNAMENOTFOUND'),
            ('netnamevalidate a/b 9', 'WERR_INVALID_NAME'),
    ]:
        t.contains(rpc(t, command, ok=None), wanted)


@case(freehold_only=True)
def rpcclient_table_of_wkssvc(t):
    for command, wanted in [
            ('wkssvc_wkstagetinfo 100', ''),
            ('wkssvc_wkstagetinfo 102', ''),
            ('wkssvc_getjoininformation', 'WORKGROUP'),
            ('wkssvc_enumeratecomputernames 0', 'name: 0'),
            ('wkssvc_enumerateusers', ''),
    ]:
        out = rpc(t, command)
        t.contains(out, wanted)
        t.true('result was' not in out and 'NT_STATUS' not in out, '%s: %s' % (command, out))


@case(freehold_only=True)
def what_ordinary_users_may_not_ask(t):
    share = t.share()
    for command in ['netshareenum 2', 'netsharegetinfo %s 502' % share.name, 'netfileenum 3', 'netsessenum', 'netdiskenum',
                    'wkssvc_wkstagetinfo 102', 'wkssvc_enumerateusers', 'netsharedel %s' % share.name,
                    'netsharesetinfo %s x' % share.name, 'netsharesetdfsflags %s 0x800' % share.name]:
        t.contains(rpc(t, command, user=t.user, ok=None), 'WERR_ACCESS_DENIED')
    t.contains(rpc(t, 'netshareenumall 1', user=t.user), share.name)


@case(freehold_only=True)
def shares_are_made_changed_and_removed_from_afar(t):
    s = t.own_server()
    (s.folder / 'volume' / 'Projects').mkdir()
    net = ['net', 'rpc', 'share']
    def run(*words, ok=True):
        return t.samba(*net, *words, '-S', s.host, user=s.admin, server=s, ok=ok).stdout
    run('add', 'team=C:\\data\\projects')
    t.contains(run('list'), 'team')
    row = [line for line in s.run('share', 'list', '-o', 'jsonl').stdout.splitlines() if '"team"' in line]
    t.true(row and '"Projects"' in row[0], 'the folder is shared under the name on the disk: %s' % row)
    t.contains(run('add', 'team=C:\\data\\projects', ok=None), 'already')
    run('add', 'gone=C:\\data\\nowhere', ok=False)
    rpc(t, 'netsharesetinfo team "A remark"', 'netsharesetdfsflags team 0x800', server=s)
    t.contains(rpc(t, 'netsharegetinfo team 2', server=s), 'A remark')
    row = [line for line in s.run('share', 'list', '-o', 'jsonl').stdout.splitlines() if '"team"' in line]
    t.contains(row[0], '"FolderEnumerationMode":"AccessBased"')
    t.smbclient('team', ['put /etc/hostname x', 'ls'], server=s, user=s.admin)
    run('delete', 'team')
    t.true('team' not in run('list'), 'the share is gone')
    t.true((s.folder / 'volume' / 'Projects' / 'x').exists(), 'the files stay')


@case(freehold_only=True)
def what_is_changed_from_afar_is_recorded(t):
    """Each change by rpcclient and `net rpc` is in the audit log as one of the command line's is, with who made it and from where; so is
    what was refused, with its reason."""
    s = t.own_server()
    (s.folder / 'volume' / 'Projects').mkdir()
    share = t.share(server=s)

    def net(*words, user=None, ok=True):
        return t.samba('net', 'rpc', *words, '-S', s.host, user=user or s.admin, server=s, ok=ok).stdout

    def recorded(*words):
        out = s.run('audit', 'search', '--config', str(s.config), '-o', 'jsonl', *words).stdout
        return [row for row in map(json.loads, out.splitlines()) if row.get('Service') == 'rpc']

    net('share', 'add', 'team=C:\\data\\projects')
    net('share', 'add', 'gone=C:\\data\\nowhere', ok=False)
    rpc(t, 'netsharesetinfo team "A remark"', server=s)
    net('share', 'delete', 'team')
    net('group', 'add', 'made-afar', '-L', '-C', 'from afar')
    s.run('user', 'add', 'somebody', '--password-stdin', stdin='Passw0rd1\n')
    net('group', 'addmem', 'made-afar', 'FREEHOLDTEST\\somebody')
    net('group', 'delmem', 'made-afar', 'FREEHOLDTEST\\somebody')
    net('group', 'delete', 'made-afar')
    rpc(t, 'deletedomuser somebody', server=s)
    rows = recorded()
    made = [(r['EventId'], r['Keywords'].split()[1], r['Operation'], r['ObjectName']) for r in rows]
    t.equal(made, [
        (5142, 'Success', 'ShareAdd', 'team'),
        (4673, 'Failure', 'ShareAdd', 'gone'),
        (5143, 'Success', 'ShareSet', 'team'),
        (5144, 'Success', 'ShareRemove', 'team'),
        (4731, 'Success', 'GroupAdd', 'made-afar'),
        (4735, 'Success', 'GroupSet', 'made-afar'),
        (4732, 'Success', 'GroupAddMember', 'made-afar'),
        (4733, 'Success', 'GroupRemoveMember', 'made-afar'),
        (4734, 'Success', 'GroupRemove', 'made-afar'),
        (4726, 'Success', 'UserRemove', 'somebody'),
    ], 'records')
    who = {(r['SubjectUserName'], r['SubjectDomainName'], r['IpAddress'], r['SubjectUserSid'].startswith('S-1-5-21-'), int(r['IpPort']) > 0)
           for r in rows}
    t.equal(who, {(s.admin.name, 'FREEHOLDTEST', '127.0.0.1', True, True)}, 'who it was')

    # Who may not: the refusal is recorded too, and changes nothing.
    for words in (['netsharedel %s' % share.name], ['netsharesetdfsflags %s 0x800' % share.name]):
        t.contains(rpc(t, *words, user=t.user, server=s, ok=None), 'WERR_ACCESS_DENIED')
    t.contains(net('share', 'add', 'theirs=C:\\data\\projects', user=t.user, ok=None), 'denied')
    refused = [(r['EventId'], r['Keywords'], r['Operation'], r['ObjectName']) for r in recorded('--user', t.user.name)]
    t.equal(refused, [(4673, 'Audit Failure', 'ShareRemove', share.name), (4673, 'Audit Failure', 'ShareSet', share.name),
                      (4673, 'Audit Failure', 'ShareAdd', 'theirs')], 'refusals')
    t.true(all('Administrators' in r['FailureReason'] for r in recorded('--user', t.user.name)), 'the reasons')
    names = s.run('share', 'list', '-o', 'json').stdout
    t.true(share.name in names and 'theirs' not in names and 'team' not in names, names)

    # Sessions and files, the own ones among them: the answer comes before the end.
    out = net('file')
    own = [line.split()[0] for line in out.splitlines() if 'PIPE' in line]
    t.true(own, out)
    net('file', 'close', '4000000000', ok=False)
    closes = [(r['Keywords'].split()[1], r['Operation'], r['ObjectName']) for r in recorded()[13:]]
    t.equal(closes, [('Failure', 'OpenFileClose', '4000000000')], 'a file that nobody has open')


@case(freehold_only=True)
def open_files_and_sessions_are_closed_from_afar(t):
    """By impacket, whose binds are sealed, and by `net rpc`. It ends the administrator's own sessions too: the server is its own."""
    s = t.own_server()
    share = t.share(server=s)
    other = s.add_user('holder', 'H0lder-Passw0rd')
    out = t.python('peer_srvsvc.py', s.host, s.port, share.name, other.name, other.password, s.admin.name, s.admin.password)
    t.contains(out, 'done')
    t.contains(t.samba('net', 'rpc', 'file', '-S', s.host, user=s.admin, server=s).stdout, 'PIPE')


@case()
def every_level_of_rpc_security(t):
    """Binds with a logon of their own; the reference server takes them too."""
    for options in ['sign,ntlm', 'seal,ntlm', 'sign,spnego', 'seal,spnego', 'connect,ntlm', 'connect,spnego', 'packet,spnego']:
        binding = 'ncacn_np:%s[%s]' % (t.server.host, options)
        t.contains(rpc(t, 'srvinfo', 'netshareenumall 1', user=t.user, binding=binding), 'platform_id', 'IPC$')
