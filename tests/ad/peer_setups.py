"""Session set-ups by Kerberos, one after the other on one connection: HOST USER COUNT. The ticket is in the cache; every one has
an authenticator of its own. Prints `ready`, waits for a line, does them, and prints `done`."""
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.session import Session

host, user, count = sys.argv[1:]
connection = Connection(uuid.uuid4(), host, 445)
connection.connect()


def one():
    session = Session(connection, user, require_encryption=False, auth_protocol='kerberos')
    session.connect()
    session.disconnect()


for _ in range(10):
    one()
print('ready', flush=True)
sys.stdin.readline()
for _ in range(int(count)):
    one()
print('done', flush=True)
sys.stdin.readline()
connection.disconnect()
