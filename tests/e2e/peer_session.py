"""Keeps a file open with smbprotocol and answers commands: HOST PORT SHARE USER PASSWORD. A line of standard input each, the NT
status of each on standard output (0 for success):

    open NAME    opens a file of the share for everything, makes it when it is not there, shares nothing
    lock         an exclusive lock on the file's first byte
    write        a byte into the file
    connect      another tree connect to the share
"""
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.open import (CreateDisposition, CreateOptions, ImpersonationLevel, LockFlags, Open, SMB2LockElement,
                              SMB2LockRequest)
from smbprotocol.session import Session
from smbprotocol.tree import TreeConnect

host, port, share, user, password = sys.argv[1:]
state = {}


def connect(_):
    state['tree'] = TreeConnect(state['session'], r'\\%s\%s' % (host, share))
    state['tree'].connect()


def open_file(name):
    state['file'] = Open(state['tree'], name)
    state['file'].create(ImpersonationLevel.Impersonation, 0x1F01FF, 0, 0, CreateDisposition.FILE_OPEN_IF,
                         CreateOptions.FILE_NON_DIRECTORY_FILE)


def lock(_):
    element = SMB2LockElement()
    element['offset'], element['length'] = 0, 1
    element['flags'] = LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK | LockFlags.SMB2_LOCKFLAG_FAIL_IMMEDIATELY
    message = SMB2LockRequest()
    message['file_id'] = state['file'].file_id
    message['locks'] = [element]
    connection = state['tree'].session.connection
    request = connection.send(message, state['session'].session_id, state['tree'].tree_connect_id)
    connection.receive(request)


def write(_):
    state['file'].write(b'x', 0)


def answer(action, argument):
    try:
        action(argument)
        print(0, flush=True)
    except SMBResponseException as e:
        print(e.status, flush=True)


connection = Connection(uuid.uuid4(), host, int(port))
connection.connect()
state['session'] = Session(connection, user, password, require_encryption=False, auth_protocol='ntlm')
state['session'].connect()
answer(connect, '')
for line in sys.stdin:
    verb, _, argument = line.strip().partition(' ')
    answer({'open': open_file, 'lock': lock, 'write': write, 'connect': connect}[verb], argument)
