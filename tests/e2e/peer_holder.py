"""Holds a batch oplock on a file and never answers its break: HOST PORT SHARE USER PASSWORD NAME. Says `held` once it has it, and lasts
until its standard input ends."""
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.open import CreateDisposition, ImpersonationLevel, Open, RequestedOplockLevel
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

host, port, share, user, password, name = sys.argv[1:]
connection = Connection(uuid.uuid4(), host, int(port))
connection.connect()
receive = connection.transport.recv


def swallow(*arguments):
    """The library ends the connection when a break comes."""
    while True:
        message = receive(*arguments)
        if not (message and message[12:14] == b'\x12\0' and message[24:32] == b'\xff' * 8):
            return message


connection.transport.recv = swallow
session = Session(connection, user, password, require_encryption=False, auth_protocol='ntlm')
session.connect()
tree = TreeConnect(session, r'\\%s\%s' % (host, share))
tree.connect()
held = Open(tree, name)
held.create(ImpersonationLevel.Impersonation, 0x12019f, 0, 7, CreateDisposition.FILE_OPEN_IF, 0,
            oplock_level=RequestedOplockLevel.SMB2_OPLOCK_LEVEL_BATCH)
if held.oplock_level != RequestedOplockLevel.SMB2_OPLOCK_LEVEL_BATCH:
    sys.exit('the server granted %d' % held.oplock_level)
print('held', flush=True)
sys.stdin.read()
