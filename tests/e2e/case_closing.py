"""CLOSE behind requests of its handle that are under way ([MS-SMB2] 3.3.5.10, 3.3.4.17)."""
from rig.harness import case


def closes(t, server, share):
    out = t.python('peer_closing.py', server.host, server.port, share.name, t.user.name, t.user.password, share.path)
    t.equal(out.strip().splitlines()[-1:], ['done'], 'last line')


@case(freehold_only=True)
def a_close_comes_behind_what_is_under_way(t):
    closes(t, t.server, t.share())


@case(freehold_only=True)
def a_close_comes_behind_what_is_under_way_where_programs_lock_too(t):
    """Locks are operations there."""
    server = t.own_server(start=False)
    # behind the volume's path
    server.settings = 'local_programs = "leases"\n' + server.settings
    server.start()
    server.add_user(t.user.name, t.user.password)
    closes(t, server, t.share(server))
