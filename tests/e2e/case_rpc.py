"""The pipes of IPC$ as Samba's tools use them."""
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
