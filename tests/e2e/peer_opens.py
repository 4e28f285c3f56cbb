"""Opens files with smbprotocol as a table in JSON on standard input says: HOST PORT. Verbs are the first field of each line.

    {"do": "put", "user": .., "password": .., "share": .., "name": .., "directory": .., "sd": hex, "information": n, "attributes": n}
    {"do": "open", "id": .., "user": .., "password": .., "share": .., "name": .., "access": n, "options": n}
    {"do": "hold", "user": .., "password": .., "share": .., "name": .., "access": n, "sharing": n, "lock": [offset, length]}
    {"do": "set", "id": .., "user": .., ..., "access": n, "sd": hex, "information": n}
    {"do": "maximal", "id": .., "user": .., ..., "access": n, "options": n}
    {"do": "get", "id": .., "user": .., ..., "information": n}

"maximal" tells MaximalAccess of the tree connect, what the open was granted (FileAccessInformation) and what MxAc says.
Answers a line of JSON for each; held opens last until the input ends.
"""
import json
import sys
import uuid

from smbprotocol.connection import Connection
from smbprotocol.create_contexts import CreateContextName, SMB2CreateContextRequest, SMB2CreateQueryMaximalAccessRequest
from smbprotocol.exceptions import SMBResponseException
from smbprotocol.open import (CreateDisposition, CreateOptions, FileAttributes, ImpersonationLevel, LockFlags, Open,
                              SMB2LockElement, SMB2LockRequest, SMB2QueryInfoRequest, SMB2QueryInfoResponse,
                              SMB2SetInfoRequest)
from smbprotocol.session import Session
from smbprotocol.structure import IntField
from smbprotocol.tree import SMB2TreeConnectRequest, SMB2TreeConnectResponse, TreeConnect

host, port = sys.argv[1], int(sys.argv[2])
held = []


def tree_of(job):
    connection = Connection(uuid.uuid4(), host, port)
    connection.connect()
    session = Session(connection, job['user'], job['password'], require_encryption=False, auth_protocol='ntlm')
    session.connect()
    tree = TreeConnect(session, r'\\%s\%s' % (host, job['share']))
    tree.connect()
    return connection, tree


def open_file(tree, job, disposition=CreateDisposition.FILE_OPEN, attributes=0, sharing=7):
    f = Open(tree, job['name'])
    options = job.get('options', 0)
    f.create(ImpersonationLevel.Impersonation, job['access'], attributes, sharing, disposition, options)
    return f


def send(tree, message):
    connection = tree.session.connection
    request = connection.send(message, tree.session.session_id, tree.tree_connect_id)
    return connection.receive(request)


def any_information(message, value):
    """The library knows four of the bits only."""
    field = IntField(size=4)
    field.name, field.structure = 'additional_information', message
    message.fields['additional_information'] = field
    field.set_value(value)


def put(job):
    connection, tree = tree_of(job)
    # WRITE_DAC, WRITE_OWNER and the SACL; the content so that the file can be read
    job = dict(job, access=0x1F01FF | 0x01000000, options=0x1 if job.get('directory') else 0x40)
    f = open_file(tree, job, CreateDisposition.FILE_OPEN_IF, job.get('attributes', 0))
    if not job.get('directory'):
        f.write(b'content', 0)
    if job.get('sd'):
        message = SMB2SetInfoRequest()
        message['info_type'] = 3
        any_information(message, job['information'])
        message['file_id'] = f.file_id
        message['buffer'] = bytes.fromhex(job['sd'])
        send(tree, message)
    f.close()
    connection.disconnect(True)
    return {}


def get(job):
    connection, tree = tree_of(job)
    f = open_file(tree, dict(job, access=0x00020000 | 0x01000000))
    message = SMB2QueryInfoRequest()
    message['info_type'] = 3
    message['output_buffer_length'] = 0x10000
    any_information(message, job['information'])
    message['file_id'] = f.file_id
    response = send(tree, message)
    answer = SMB2QueryInfoResponse()
    answer.unpack(response['data'].get_value())
    found = answer['buffer'].get_value()
    f.close()
    connection.disconnect(True)
    return {'sd': found.hex()}


def set_security(job):
    connection, tree = tree_of(job)
    try:
        f = open_file(tree, job)
        message = SMB2SetInfoRequest()
        message['info_type'] = 3
        any_information(message, job['information'])
        message['file_id'] = f.file_id
        message['buffer'] = bytes.fromhex(job['sd'])
        send(tree, message)
        f.close()
        return {'status': 0}
    except SMBResponseException as e:
        return {'status': e.status}
    finally:
        connection.disconnect(True)


def try_open(job):
    try:
        connection, tree = tree_of(job)
    except SMBResponseException as e:
        return {'status': e.status}
    try:
        open_file(tree, job).close()
        return {'status': 0}
    except SMBResponseException as e:
        return {'status': e.status}
    finally:
        connection.disconnect(True)


def maximal(job):
    connection, tree = tree_of(job)
    session = tree.session
    try:
        # a second tree connect, whose answer is looked at
        again = SMB2TreeConnectRequest()
        again['buffer'] = tree.share_name.encode('utf-16-le')
        response = SMB2TreeConnectResponse()
        response.unpack(connection.receive(connection.send(again, sid=session.session_id))['data'].get_value())
        context = SMB2CreateContextRequest()
        context['buffer_name'] = CreateContextName.SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST
        context['buffer_data'] = SMB2CreateQueryMaximalAccessRequest()
        f = Open(tree, job['name'])
        answers = f.create(ImpersonationLevel.Impersonation, job['access'], 0, 7, CreateDisposition.FILE_OPEN,
                           job.get('options', 0), [context])
        query = SMB2QueryInfoRequest()
        query['info_type'] = 1
        query['file_info_class'] = 8            # FileAccessInformation
        query['output_buffer_length'] = 4
        query['file_id'] = f.file_id
        answer = SMB2QueryInfoResponse()
        answer.unpack(send(tree, query)['data'].get_value())
        f.close()
        return {'status': 0, 'tree': response['maximal_access'].get_value(), 'granted': int.from_bytes(answer['buffer'].get_value(), 'little'),
                'mxac': answers[0]['maximal_access'].get_value(), 'mxac_status': answers[0]['query_status'].get_value()}
    except SMBResponseException as e:
        return {'status': e.status}
    finally:
        connection.disconnect(True)


def hold(job):
    connection, tree = tree_of(job)
    f = open_file(tree, job, sharing=job['sharing'])
    if job.get('lock'):
        element = SMB2LockElement()
        element['offset'], element['length'] = job['lock']
        element['flags'] = LockFlags.SMB2_LOCKFLAG_EXCLUSIVE_LOCK | LockFlags.SMB2_LOCKFLAG_FAIL_IMMEDIATELY
        message = SMB2LockRequest()
        message['file_id'] = f.file_id
        message['locks'] = [element]
        send(tree, message)
    held.append((connection, f))
    return {}


for line in sys.stdin:
    job = json.loads(line)
    answer = {'put': put, 'get': get, 'set': set_security, 'open': try_open, 'maximal': maximal, 'hold': hold}[job['do']](job)
    print(json.dumps(dict(answer, id=job.get('id'))), flush=True)
for connection, f in held:
    f.close()
    connection.disconnect(True)
