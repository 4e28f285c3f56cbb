"""Python clients from PyPI: smbprotocol and impacket (scripts peer_*.py), clear and encrypted."""
from rig.harness import case


def peer(t, script, mode):
    share = t.share()
    out = t.python(script, t.server.host, t.server.port, share.name, t.user.name, t.user.password, mode)
    t.equal(out.strip().splitlines()[-1:], ['done'], 'last line')


@case()
def smbprotocol_signed(t):
    peer(t, 'peer_smbprotocol.py', 'clear')


@case()
def smbprotocol_encrypted(t):
    peer(t, 'peer_smbprotocol.py', 'encrypted')


@case()
def impacket_signed(t):
    peer(t, 'peer_impacket.py', 'clear')


@case()
def impacket_encrypted(t):
    peer(t, 'peer_impacket.py', 'encrypted')
